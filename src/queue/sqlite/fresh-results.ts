import type { FinalStatus, Result } from '../task.ts';
import type { Outcome } from '../task-queue.ts';

/** More than are on their way to a reader at a time, and 1 MiB at most. */
const MAX_KEPT = 128;
const MAX_CHARS = 4_096;

/**
 * Results that have just come, exactly as the database has them: most are read within a moment. Read by SQL, in the midst
 * of the requests of others, one took a tenth of a cycle at 16 loops. Whoever changes or deletes a result there lets go
 * of it here.
 */
export class FreshResults {
  readonly #byTask = new Map<string, Outcome>();

  /** `chars`: how long it is as text. */
  keep(status: FinalStatus, result: Result, chars: number): void {
    if (chars > MAX_CHARS || !isStoredAsItIs(result)) return void this.forget(result.taskId);
    this.#byTask.set(result.taskId, { status, result });
    if (this.#byTask.size > MAX_KEPT) this.forget(this.#byTask.keys().next().value ?? '');
  }

  get(taskId: string): Outcome | undefined {
    return this.#byTask.get(taskId);
  }

  forget(taskId: string): void {
    this.#byTask.delete(taskId);
  }

  clear(): void {
    this.#byTask.clear();
  }
}

/** Half a surrogate pair comes back from SQLite as something else. */
function isStoredAsItIs({ stdout, stderr }: Result): boolean {
  return stdout.isWellFormed() && stderr.isWellFormed();
}
