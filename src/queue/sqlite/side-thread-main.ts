/** The thread beside the event loop: does what `SideThread` asks for, in that order. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Request } from './side-thread.ts';
import { type SideFiles, SideWork } from './side-work.ts';

const work = new SideWork(workerData as SideFiles);

parentPort?.on('message', (request: Request | null) => {
  if (request !== null) return parentPort?.postMessage(answerTo(request));
  work.close();
  parentPort?.close();
});

function answerTo({ method, args }: Request): Answer {
  try {
    return { value: Reflect.apply(work[method], work, args) };
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    return { failure: { message, code: code ?? null } };
  }
}
