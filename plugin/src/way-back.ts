import type { CallbackPage, TaskApiClient } from '../../src/client/index.ts';
import type { Callback, Chat } from './chat.ts';
import { messageOf } from './errors.ts';
import { cut } from './texts.ts';

const REASON_CHARS = 200;
/** As many as one page of the Task API has. */
const SEARCHED = 500;

/** Whether the answer comes here, said before anybody waits for it. */
export async function wayBack({ callback, webchat }: Chat, client: TaskApiClient): Promise<string> {
  if (webchat !== null) return 'The answer comes here.';
  if (callback === null) return "The answer can't come here by itself.";
  try {
    const refusal = refusalOf(callback, await client.callbacks.list({ status: 'paused', limit: SEARCHED }));
    return refusal === null
      ? 'The answer comes here.'
      : `⚠ The answer will wait, since the way back is refused: ${cut(refusal, REASON_CHARS)}.`;
  } catch (error) {
    return `Whether the answer can come here is not known: ${cut(messageOf(error), REASON_CHARS)}.`;
  }
}

/** Of its kind as a whole, of this place, or of an answer that waits here already, whichever way it was to go. */
function refusalOf({ kind, target, threadId }: Callback, { callbacks, pauses }: CallbackPage): string | null {
  const pause = pauses.find((one) => one.kind === kind && (one.target === null || one.target === target));
  const before = callbacks.find(
    (one) => one.kind === kind && one.target === target && one.threadId === (threadId ?? null),
  );
  return pause?.error ?? before?.lastError ?? null;
}
