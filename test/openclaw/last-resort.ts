/** For runs that are cut short: no process, each of up to 1 GB, and no folder outlives the process that tests. */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';

const duties = new Set<() => void>();

export function endsWithUs(child: ChildProcess): void {
  const end = () => void child.kill('SIGKILL');
  duties.add(end);
  child.once('exit', () => duties.delete(end));
}

/** Gives what removes it earlier; `before` comes before it, either way. */
export function goesWithUs(folder: string, before: () => void = () => {}): () => void {
  const remove = () => {
    duties.delete(remove);
    before();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  duties.add(remove);
  return remove;
}

/** What began last ends first: a process before the folder it writes to. */
function endAll(): void {
  for (const duty of [...duties].reverse()) duty();
}

process.once('exit', endAll);
// Vitest ends its workers so.
process.once('SIGTERM', () => process.exit(143));
