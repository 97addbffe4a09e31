/** Discord, and whatever speaks like it. A nonce with `enforce_nonce` makes a repeated chunk one message. */
import { deliveryOf, unanswered } from '../answers.ts';
import { channelSegment, type DiscordApi, MAX_CONTENT_CHARS, postMessage } from '../discord-api.ts';
import { type Answer, jsonOf, withinDay } from '../post.ts';
import { type Delivery, dedupId, type Message, type Sink } from '../sink.ts';

export interface DiscordSettings extends DiscordApi {
  /** The environment's bot token, for callbacks that bring none. */
  token: string | null;
}

export function createDiscordSink(settings: DiscordSettings): Sink {
  return {
    limit: MAX_CONTENT_CHARS,
    configured: settings.token !== null,
    async send(message, signal) {
      const token = message.token ?? settings.token;
      if (token === null)
        return { kind: 'forbidden', scope: 'credential', error: 'CALLBACK_BOT_TOKEN not set' };
      // A thread is a channel.
      const segment = channelSegment(message.threadId ?? message.target);
      if (segment === null) return { kind: 'refused', error: 'the target is no channel' };
      try {
        const answer = await postMessage(settings, { segment, token, body: bodyOf(message, token), signal });
        return classify(answer, token, settings);
      } catch (error) {
        return unanswered(error, token);
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

/** `retry_after` of a 429: seconds with a fraction, finer than the header. */
function classify(answer: Answer, token: string, { clock }: DiscordSettings): Delivery {
  const delivery = deliveryOf(answer, token, clock);
  if (delivery.kind !== 'retry') return delivery;
  const body = jsonOf(answer);
  const asked = typeof body?.retry_after === 'number' ? withinDay(body.retry_after * 1000) : 0;
  const afterMs = Math.max(delivery.afterMs, asked);
  return body?.global === true ? { ...delivery, afterMs, limited: 'credential' } : { ...delivery, afterMs };
}
