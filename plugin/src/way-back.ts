import type { CallbackPause, TaskApiClient } from '../../src/client/index.ts';
import type { Chat } from './chat.ts';
import { messageOf } from './errors.ts';
import { cut } from './texts.ts';

const REASON_CHARS = 200;

/** Where the answer comes, said before anybody waits for it. */
export async function wayBack({ callback, webchat }: Chat, client: TaskApiClient): Promise<string> {
  if (webchat !== null) return 'The answer comes here.';
  if (callback === null) return "The answer can't come here by itself.";
  try {
    const { pauses } = await client.callbacks.list({ limit: 1 });
    const pause = pauses.find((one) => one.kind === callback.kind && isFor(one, callback.target));
    return pause === undefined
      ? 'The answer comes here.'
      : `⚠ The answer waits, since ${callback.kind} refuses it: ${cut(pause.error, REASON_CHARS)}.`;
  } catch (error) {
    return `Whether the answer can come here is not known: ${cut(messageOf(error), REASON_CHARS)}.`;
  }
}

function isFor({ target }: CallbackPause, place: string): boolean {
  return target === null || target === place;
}
