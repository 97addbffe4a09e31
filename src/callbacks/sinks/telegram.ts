/** Telegram's Bot API. Nothing makes a repeated message one: after a lost answer a reader may see a chunk twice. */
import type { Clock } from '../../clock.ts';
import { deliveryOf, errorOf, saysOk, unanswered } from '../answers.ts';
import { type Answer, jsonOf, postJson, type Way, withinDay } from '../post.ts';
import type { Delivery, Message, Sink } from '../sink.ts';

export interface TelegramSettings {
  /** `https://api.telegram.org`, or a Bot API server of one's own. */
  baseUrl: string;
  /** The environment's bot token, for callbacks that bring none. */
  token: string | null;
  clock: Clock;
  /** How long to wait for an answer; 15 s unless told. */
  timeoutMs?: number;
  way?: Way | undefined;
}

const MAX_TEXT_CHARS = 4_096;
const TIMEOUT_MS = 15_000;
/** The token is a part of the path and must not become more of it. What follows the colon is its secret. */
const TOKEN = /^\d+:([\w-]+)$/;
/** The topic of a forum that everything without a topic is in; a message that names it is refused. */
const GENERAL_TOPIC = 1;

export function createTelegramSink(settings: TelegramSettings): Sink {
  return {
    limit: MAX_TEXT_CHARS,
    configured: settings.token !== null,
    async send(message, signal) {
      const token = message.token ?? settings.token;
      if (token === null) return forbidden('TELEGRAM_BOT_TOKEN not set');
      const secret = TOKEN.exec(token)?.[1];
      if (secret === undefined) return forbidden('the token is no Telegram bot token');
      const body = bodyOf(message);
      if (body === null) return { kind: 'refused', error: 'the threadId is no integer' };
      try {
        const answer = await sendMessage(settings, { token, body, signal });
        const chat = newChatOf(answer);
        if (chat === null) return classify(answer, secret, settings);
        const moved = { token, body: { ...body, chat_id: chat }, signal };
        return classify(await sendMessage(settings, moved), secret, settings);
      } catch (error) {
        return unanswered(error, secret);
      }
    },
  };
}

function forbidden(error: string): Delivery {
  return { kind: 'forbidden', scope: 'credential', error };
}

/** Null for a thread that can be no topic. No `parse_mode`: what looks like markup stays as it is. */
function bodyOf({ target, threadId, content }: Message): object | null {
  const topic = threadId === null ? GENERAL_TOPIC : Number(/^\d+$/.exec(threadId)?.[0]);
  if (!Number.isSafeInteger(topic)) return null;
  return {
    chat_id: target,
    // Half a surrogate pair has it refuse the whole message.
    text: content.toWellFormed(),
    link_preview_options: { is_disabled: true },
    ...(topic !== GENERAL_TOPIC && { message_thread_id: topic }),
  };
}

function sendMessage(
  { baseUrl, clock, timeoutMs = TIMEOUT_MS, way }: TelegramSettings,
  { token, body, signal }: { token: string; body: object; signal: AbortSignal },
): Promise<Answer> {
  const url = `${baseUrl.replace(/\/+$/, '')}/bot${token}/sendMessage`;
  return postJson({ url, body, clock, timeoutMs, way, signal });
}

/** Of a group that has become a supergroup, its chat from now on. */
function newChatOf(answer: Answer): string | null {
  const chat = statusOf(answer) === 400 ? parameterOf(answer, 'migrate_to_chat_id') : null;
  return chat === null ? null : String(chat);
}

function classify(answer: Answer, secret: string, { clock }: TelegramSettings): Delivery {
  const status = statusOf(answer);
  if (status === null) return { kind: 'retry', error: errorOf(answer, secret), afterMs: 0 };
  const delivery = deliveryOf({ ...answer, status }, secret, clock);
  // The token is in the path: one that it does not know is a path that it does not have.
  if (status === 404 && delivery.kind === 'refused') return forbidden(delivery.error);
  if (delivery.kind !== 'retry') return delivery;
  const asked = withinDay((parameterOf(answer, 'retry_after') ?? 0) * 1000);
  return { ...delivery, afterMs: Math.max(delivery.afterMs, asked) };
}

/** A 2xx means what its body says; null for one that is no answer of Telegram's, or only a piece of one. */
function statusOf(answer: Answer): number | null {
  if (answer.status < 200 || answer.status >= 300) return answer.status;
  const body = jsonOf(answer);
  if (saysOk(answer)) return 200;
  return typeof body?.error_code === 'number' && body.error_code >= 300 ? body.error_code : null;
}

function parameterOf(answer: Answer, name: string): number | null {
  const parameters = jsonOf(answer)?.parameters as Record<string, unknown> | null | undefined;
  const value = parameters?.[name];
  return typeof value === 'number' ? value : null;
}
