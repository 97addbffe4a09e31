import type { TaskApiClient } from '../../src/client/index.ts';
import { type Clock, systemClock } from '../../src/clock.ts';

/** What is there comes at once; then it is quiet until the task says more. */
const QUIET_MS = 300;
/** The line may be a slow one. */
const FIRST_MS = 2_000;
/** Some never are quiet. */
const MOST_MS = 4_000;

/** What a task has printed: of an AI CLI what a person can read. */
export async function outputSoFar(
  { tasks }: TaskApiClient,
  taskId: string,
  clock: Clock = systemClock,
): Promise<string> {
  const quiet = new AbortController();
  const wait = (ms: number) => clock.after(ms, () => quiet.abort());
  const said = { stdout: '', stderr: '', transcript: '' };
  const cancelAll = clock.after(MOST_MS, () => quiet.abort());
  let cancel = wait(FIRST_MS);
  try {
    for await (const piece of tasks.output(taskId, { signal: quiet.signal, patienceMs: 0 })) {
      cancel();
      cancel = wait(QUIET_MS);
      if ('chunk' in piece) said[piece.stream] += piece.chunk;
    }
  } catch (error) {
    if (!quiet.signal.aborted) throw error;
  } finally {
    cancelAll();
    cancel();
  }
  return said.transcript || `${said.stdout}${said.stderr}`;
}
