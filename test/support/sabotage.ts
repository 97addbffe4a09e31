/**
 * Breaks the product on purpose, to see that a proof turns red. Nothing of this is in the product: a copy of the
 * sources gets the edits, and the proof runs against that copy.
 */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Edit {
  file: string;
  find: string;
  put: string;
}

/** What is broken, and what a proof then has to see. */
export const BREAKS = {
  /** Whoever held a task once may finish it: two attempts end it, and its successor overlaps one of them. */
  fence: [
    {
      file: 'src/queue/sqlite/report.ts',
      find: "if (leaseId !== null) return task.lease_id === leaseId ? null : 'lease_lost';",
      put: 'if (leaseId !== null) return null;',
    },
  ],
  /** The end of a task does not make the next of its key ready: it is stuck. */
  promotion: [
    {
      file: 'src/queue/sqlite/ending.ts',
      find: 'this.#line.leave(tx, task);',
      put: '',
    },
  ],
  /** A killed runner leaves its processes behind: they overlap the next attempt. */
  guard: [{ file: 'src/workers/guard.ts', find: '\nread -r _\n', put: '\nexit 0\n' }],
  /** A commit returns before it is on disk: a power failure takes what was acknowledged. */
  sync: [
    {
      file: 'src/queue/sqlite/database.ts',
      find: "db.pragma('synchronous = FULL');",
      put: "db.pragma('synchronous = OFF');",
    },
    {
      file: 'src/queue/sqlite/database.ts',
      find: "assertPragma(db, 'synchronous', 2);",
      put: '',
    },
  ],
  /** At a start the next occurrence is computed from the clock, not from the last that has passed: a stop loses some. */
  occurrence: [
    {
      file: 'src/queue/sqlite/occurrences.ts',
      find: 'const due = this.#sql.due.all();',
      put: `const due = this.#sql.due.all().map(({ id, next_at: stored }) => {
        if (stored === null) return { id, next_at: null };
        const { cron, time_zone } = this.#sql.find.get(id);
        const next_at = nextAfter(cron, time_zone, core.clock.wall());
        core.db.prepare('UPDATE schedules SET next_at = ? WHERE id = ?').run(next_at, id);
        return { id, next_at };
      });`,
    },
    {
      file: 'src/queue/sqlite/occurrences.ts',
      find: "import { AppError } from '../../errors.ts';",
      put: "import { AppError } from '../../errors.ts'; import { nextAfter } from '../../cron.ts';",
    },
  ],
  /** That an occurrence has passed is stored a moment after its task: a crash in between runs it again. */
  repeat: [
    {
      file: 'src/queue/sqlite/occurrences.ts',
      find: 'this.#sql.pass.run(passing.occurrence, passing.next, id);',
      put: 'tx.after(() => setTimeout(() => this.#sql.pass.run(passing.occurrence, passing.next, id), 400));',
    },
  ],
  /** Each task of a batch has a commit of its own, some milliseconds after the one before: a crash leaves the first of them. */
  batch: [
    {
      file: 'src/queue/sqlite/engine.ts',
      find: 'submitAll(tasks: readonly NewTask[], once?: Once): Promise<Receipts> {',
      put: `async submitAll(tasks: readonly NewTask[]): Promise<Receipts> {
        const receipts = [];
        for (const task of tasks) {
          receipts.push(await this.submit(task));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        return { tasks: receipts };
      }
      unused(tasks: readonly NewTask[], once?: Once) {`,
    },
  ],
  /** Whoever comes back to the stream of events begins with the next one: what happened meanwhile is missed. */
  stream: [
    {
      file: 'src/http/event-stream.ts',
      find: 'readers.add(stream, filter, lastEventId ?? last)',
      put: 'readers.add(stream, filter, lastEventId === 0 ? 0 : last)',
    },
  ],
} satisfies Record<string, Edit[]>;

export type Break = keyof typeof BREAKS;

export function isBreak(word: string): word is Break {
  return Object.hasOwn(BREAKS, word);
}

/** The root of the product as it is; it has `bin/` and `src/`. */
export const PRODUCT = ROOT;

/** Copies the product into `folder`, which must not exist, with the edits made; throws when one no longer applies. */
export function brokenProduct(folder: string, edits: readonly Edit[]): string {
  for (const part of ['bin', 'src', 'package.json']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, find, put } of edits) {
    const path = join(folder, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${find}`);
    writeFileSync(path, parts.join(put));
  }
  return folder;
}
