import type { Webchat } from './chat.ts';
import type { PluginApi } from './openclaw.ts';

/**
 * Writes a text into a conversation of the gateway, as something that was said there: in its history at once, and shown to
 * whoever has it open. No turn of an agent, so nobody rewrites it. A second text of the same task changes nothing.
 */
export function webchatWriter(api: PluginApi) {
  return async (webchat: Webchat, taskId: string, text: string): Promise<void> => {
    const message = {
      ...MESSAGE,
      content: [{ type: 'text', text }],
      timestamp: Date.now(),
      idempotencyKey: taskId,
    };
    // Where somebody has begun anew (`/new`) in that moment, it belongs to what they have begun.
    const isWritten = (await append(api, webchat, message)) || (await append(api, webchat, message));
    if (!isWritten) throw new Error(`the conversation ${webchat.sessionKey} changes all the time`);
  };
}

/** False when the conversation has begun anew meanwhile. */
async function append({ runtime }: PluginApi, webchat: Webchat, message: object): Promise<boolean> {
  const transcripts = await import('openclaw/plugin-sdk/session-transcript-runtime');
  const sessionId = runtime.agent.session.getSessionEntry(webchat)?.sessionId;
  if (sessionId === undefined) throw new Error(`the conversation ${webchat.sessionKey} is gone`);
  const entry = { ...webchat, sessionId, message, idempotencyLookup: 'scan', updateMode: 'inline' } as const;
  const { kind } = await transcripts.appendSessionTranscriptMessageByIdentityStrict(entry);
  return kind !== 'rejected';
}

/** The words of an assistant, which no model has spoken. */
const MESSAGE = {
  role: 'assistant',
  api: 'openai-responses',
  provider: 'openclaw',
  model: 'runner',
  usage: {
    ...{ input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 },
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
  },
  stopReason: 'stop',
};
