/** The ways to break the product on purpose that this proof has to see. */
import { BREAKS as COMMON } from '../support/sabotage.ts';

type Edit = { file: string; find: string; put: string };

const DOMAIN = 'src/queue/schedules.ts';
const SCHEDULES = 'src/queue/sqlite/schedules.ts';
const OCCURRENCES = 'src/queue/sqlite/occurrences.ts';
const SCHEDULER = 'src/reconciler/scheduler.ts';

export const BREAKS: Readonly<Record<string, readonly Edit[]>> = {
  fence: COMMON.fence,
  promotion: COMMON.promotion,
  occurrence: COMMON.occurrence,
  batch: COMMON.batch,
  /** A result in memory outlives the one on disk: a task that is tried again, or forgotten, still has it. */
  'stale-results': [
    {
      file: 'src/queue/sqlite/retrial.ts',
      find: 'tx.after(() => this.#core.fresh.forget(taskId));',
      put: '',
    },
    {
      file: 'src/queue/sqlite/upkeep.ts',
      find: 'if (old.length > 0) tx.after(() => this.#core.fresh.clear());',
      put: '',
    },
  ],
  /** An occurrence passes in one commit, and its task is submitted in the next: a crash between them forgets it. */
  'two-commits': [
    {
      file: OCCURRENCES,
      find: 'if (submits) this.submit(tx, row, occurrence);',
      put: 'if (submits) tx.after(() => void this.#core.commit.run((next) => this.submit(next, row, occurrence)).catch(() => {}));',
    },
  ],
  /** That an occurrence has passed is known in memory only: it comes again. */
  unstored: [
    { file: OCCURRENCES, find: 'this.#sql.pass.run(passing.occurrence, passing.next, id);', put: '' },
  ],
  /** The next occurrence is the first after now, not after the last that has passed: a hesitation skips some. */
  'next-from-now': [
    {
      file: DOMAIN,
      find: 'missedSince: null, next: next(due) }',
      put: 'missedSince: null, next: next(look.now) }',
    },
  ],
  /** An edit forgets what has passed: after the clock was set back it is repeated. */
  'set-back': [
    {
      file: SCHEDULES,
      find: 'Math.max(this.#core.clock.wall(), lastOccurrence ?? 0)',
      put: 'this.#core.clock.wall()',
    },
  ],
  /** An occurrence runs beside the unfinished one, whatever `overlap` says. */
  overlap: [
    { file: OCCURRENCES, find: "const asks = runs && row.overlap === 'skip';", put: 'const asks = false;' },
  ],
  /** Each missed occurrence is one of its own. */
  'missed-each': [
    {
      file: DOMAIN,
      find: 'const occurrence = Math.max(lastUpTo(rule.cron, rule.timeZone, look.now) ?? due, due);',
      put: 'const occurrence = lastUpTo(rule.cron, rule.timeZone, due) ?? due;',
    },
  ],
  /** What fell into a stop of seconds is run, whatever `missed` says. */
  overslept: [{ file: DOMAIN, find: 'occurrence < watchedFrom || ', put: '' }],
  /** A pause is shown, and nothing else. */
  paused: [
    {
      file: SCHEDULES,
      find: 'return paused ? null : next;',
      put: 'return next;',
    },
  ],
  /** An edit is stored, and nobody waits for the new time. */
  unplanned: [
    { file: SCHEDULES, find: 'if (!isSame) tx.after(() => this.#occurrences.expect(id, next_at));', put: '' },
  ],
  /** The scheduler goes on waiting for the time that was next when it began to. */
  'not-rearmed': [
    {
      file: SCHEDULER,
      find: 'this.#schedules.onChange(() => this.#plan())',
      put: 'this.#schedules.onChange(() => {})',
    },
  ],
  /** The scheduler waits on steady time alone: a clock that is set forward makes it late. */
  'no-look': [
    {
      file: SCHEDULER,
      find: 'Math.min(Math.max(due - this.#clock.wall(), 0), LOOK_MS)',
      put: 'Math.max(due - this.#clock.wall(), 0)',
    },
  ],
  /** A refused occurrence is given up. */
  'given-up': [
    {
      file: OCCURRENCES,
      find: 'this.#dueAt.set(id, this.#core.clock.wall() + RETRY_MS);',
      put: 'this.#dueAt.set(id, NEVER);',
    },
  ],
  /** All runs are in one conversation. */
  conversation: [
    {
      file: DOMAIN,
      find: 'const fresh = randomUUID();',
      put: "const fresh = '00000000-0000-4000-8000-000000000000';",
    },
  ],
  /** Ranges of hours are no fixed times: they come twice when the clocks go back, and not in the gap when they go forward. */
  'clock-change': [
    { file: 'src/cron.ts', find: "fixedTimeRule: 'no-wildcard'", put: "fixedTimeRule: 'single-value'" },
  ],
  /** A removed schedule is due for ever. */
  removed: [{ file: SCHEDULES, find: 'tx.after(() => this.#occurrences.forget(id));', put: '' }],
};
