import type { TaskApiClient } from '../../src/client/index.ts';
import { type Clock, systemClock } from '../../src/clock.ts';

/** What is there comes at once; then it is quiet until the task says more. */
const QUIET_MS = 300;

/** What a task has printed: of an AI CLI what a person can read. */
export async function outputSoFar(
  { tasks }: TaskApiClient,
  taskId: string,
  clock: Clock = systemClock,
): Promise<string> {
  const quiet = new AbortController();
  const wait = () => clock.after(QUIET_MS, () => quiet.abort());
  const said = { stdout: '', stderr: '', transcript: '' };
  let cancel = wait();
  try {
    for await (const piece of tasks.output(taskId, { signal: quiet.signal, patienceMs: 0 })) {
      cancel();
      cancel = wait();
      if ('chunk' in piece) said[piece.stream] += piece.chunk;
    }
  } catch (error) {
    if (!quiet.signal.aborted) throw error;
  } finally {
    cancel();
  }
  return said.transcript || `${said.stdout}${said.stderr}`;
}
