/** Discord, and whatever speaks like it. A nonce with `enforce_nonce` makes a repeated chunk one message. */
import { channelSegment, type DiscordApi, MAX_CONTENT_CHARS, postMessage } from '../discord-api.ts';
import { type Answer, conceal, reasonOf, retryAfterMs, withinDay } from '../post.ts';
import { type Delivery, dedupId, type Message, type Sink } from '../sink.ts';

export interface DiscordSettings extends DiscordApi {
  /** The environment's bot token, for callbacks that bring none. */
  token: string | null;
}

/** Refusals that pass: a slow upload, a replayed handshake, too many requests. */
const PASSING = [408, 425, 429];
const MAX_ERROR_CHARS = 300;

export function createDiscordSink(settings: DiscordSettings): Sink {
  return {
    limit: MAX_CONTENT_CHARS,
    async send(message, signal) {
      const token = message.token ?? settings.token;
      if (token === null)
        return { kind: 'forbidden', scope: 'credential', error: 'CALLBACK_BOT_TOKEN not set' };
      const segment = channelSegment(message.target);
      if (segment === null) return { kind: 'refused', error: 'the target is no channel' };
      try {
        const answer = await postMessage(settings, { segment, token, body: bodyOf(message, token), signal });
        return classify(answer, token, settings);
      } catch (error) {
        return { kind: 'retry', error: conceal(reasonOf(error), token), afterMs: 0 };
      }
    },
  };
}

function bodyOf(message: Message, token: string): object {
  return {
    content: message.content,
    nonce: dedupId(token, message),
    enforce_nonce: true,
    allowed_mentions: { parse: [] },
  };
}

function classify(answer: Answer, token: string, settings: DiscordSettings): Delivery {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const error = `HTTP ${status} ${conceal(answer.text, token).replace(/\s+/g, ' ').trim()}`
    .trim()
    .slice(0, MAX_ERROR_CHARS);
  if (status === 401) return { kind: 'forbidden', scope: 'credential', error };
  if (status === 403) return { kind: 'forbidden', scope: 'destination', error };
  if (status >= 400 && status < 500 && !PASSING.includes(status)) return { kind: 'refused', error };
  const afterMs = Math.max(retryAfterMs(answer.headers, settings.clock), bodyRetryAfterMs(answer.text));
  return { kind: 'retry', error, afterMs };
}

/** `retry_after` of a 429: seconds with a fraction, finer than the header. */
function bodyRetryAfterMs(text: string): number {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || !('retry_after' in body)) return 0;
    return typeof body.retry_after === 'number' ? withinDay(body.retry_after * 1000) : 0;
  } catch {
    return 0;
  }
}
