import type { Chat } from './chat.ts';

/** All tasks of OpenClaw have it. */
export const TAG = 'openclaw';

/** The fields that say who asks, and where the answer goes. */
export function submissionOf({ tag, callback }: Chat, dispatchMode: 'direct-command' | 'agent-tool') {
  return { origin: 'openclaw', dispatchMode, tags: [TAG, tag], ...(callback !== null && { callback }) };
}
