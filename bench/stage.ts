/** What a benchmark is lent: room on disk, processes, sizes. Nothing of it is left when the bench ends. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rest } from './proc.ts';
import { Processes } from './processes.ts';

/** Waits until its input ends, however the bench has died, and takes away what that has left. */
const GUARD = `cat >/dev/null
for file in "$0"/pids/*; do kill -s "$(cat "$file")" "$(basename "$file")"; done
sleep 1
rm -rf "$0"`;

export class Stage {
  readonly smoke: boolean;
  readonly processes: Processes;
  /** Raw points for the plots, by the name of the benchmark. */
  readonly points: Record<string, unknown> = {};
  /** The home of a Task API with its full backlog, once a benchmark has left one. */
  filled: string | null = null;
  readonly #root: string;

  constructor({ smoke }: { smoke: boolean }) {
    this.smoke = smoke;
    this.#root = mkdtempSync(join(tmpdir(), 'openclaw-runner-bench-'));
    // PostgreSQL runs as another user, in a folder of its own below.
    chmodSync(this.#root, 0o711);
    const pids = join(this.#root, 'pids');
    mkdirSync(pids);
    this.processes = new Processes(pids);
    guard(this.#root);
  }

  /** A size that the figures are for, and one that shows that it works. */
  size(full: number, tiny: number): number {
    return this.smoke ? tiny : full;
  }

  get rest(): Rest {
    return { requests: this.size(300, 30), ms: this.size(200, 10) };
  }

  /** A new empty folder. */
  folder(name: string): string {
    return mkdtempSync(join(this.#root, `${name}-`));
  }

  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  /** Waits until the disk has what was written so far: who comes next does not sync that as well. */
  settle(): void {
    execFileSync('/bin/sync');
  }

  /** For people who wait. */
  tell(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  async close(): Promise<void> {
    await this.processes.endAll();
    this.remove(this.#root);
  }
}

function guard(root: string): void {
  const child = spawn('/bin/sh', ['-c', GUARD, root], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  (child.stdin as typeof child.stdin & { unref(): void }).unref();
}
