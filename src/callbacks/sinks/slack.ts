/** Slack's Web API. Nothing makes a repeated message one: after a lost answer a reader may see a chunk twice. */
import type { Clock } from '../../clock.ts';
import { deliveryOf, errorOf, saysOk, unanswered } from '../answers.ts';
import { type Answer, jsonOf, postJson, retryAfterMs, type Way } from '../post.ts';
import type { Delivery, Message, Retry, Sink } from '../sink.ts';

export interface SlackSettings {
  /** `https://slack.com/api`, or any server that speaks like it. */
  baseUrl: string;
  /** The environment's bot token, for callbacks that bring none. */
  token: string | null;
  clock: Clock;
  /** How long to wait for an answer; 15 s unless told. */
  timeoutMs?: number;
  way?: Way | undefined;
}

/**
 * What Slack advises. Escaped they are 20,000 at most, each `&` being five: Slack may show those in several messages,
 * but cuts only what is above 40,000.
 */
const MAX_TEXT_CHARS = 4_000;
const TIMEOUT_MS = 15_000;
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** By what they are about, the errors that are not about the message. */
const CREDENTIAL = [
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'no_permission',
  'org_login_required',
  'ekm_access_denied',
  'not_allowed_token_type',
];
const CHANNEL = ['not_in_channel', 'channel_not_found', 'is_archived'];
const LIMITED = ['ratelimited', 'rate_limited', 'message_limit_exceeded'];
const PASSING = [
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
];

export function createSlackSink(settings: SlackSettings): Sink {
  return {
    limit: MAX_TEXT_CHARS,
    configured: settings.token !== null,
    async send(message, signal) {
      const token = message.token ?? settings.token;
      if (token === null) return { kind: 'forbidden', scope: 'credential', error: 'SLACK_BOT_TOKEN not set' };
      try {
        return classify(await postMessage(settings, { token, message, signal }), token, settings);
      } catch (error) {
        return unanswered(error, token);
      }
    },
  };
}

function postMessage(
  { baseUrl, clock, timeoutMs = TIMEOUT_MS, way }: SlackSettings,
  { token, message, signal }: { token: string; message: Message; signal: AbortSignal },
): Promise<Answer> {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat.postMessage`;
  const headers = { Authorization: `Bearer ${token}` };
  return postJson({ url, headers, body: bodyOf(message), clock, timeoutMs, way, signal });
}

/** Escaped, a text holds no mention and no link with a face of its own; a bare URL can be clicked. */
function bodyOf({ target, threadId, content }: Message): object {
  return {
    channel: target,
    text: content.toWellFormed().replace(/[&<>]/g, (char) => ENTITIES[char] ?? char),
    ...(threadId !== null && { thread_ts: threadId }),
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  };
}

/** A 200 says nothing: `ok` and `error` in its body do. */
function classify(answer: Answer, token: string, { clock }: SlackSettings): Delivery {
  const delivery = deliveryOf(answer, token, clock);
  if (delivery.kind !== 'delivered') return delivery;
  const body = jsonOf(answer);
  if (saysOk(answer)) return delivery;
  const retry: Retry = {
    kind: 'retry',
    error: errorOf(answer, token),
    afterMs: retryAfterMs(answer.headers, clock),
  };
  // Without an error it is no answer of Slack's, or only a piece of one.
  return typeof body?.error === 'string' ? meaningOf(body.error, retry) : retry;
}

function meaningOf(code: string, retry: Retry): Delivery {
  const { error } = retry;
  if (PASSING.includes(code)) return retry;
  if (LIMITED.includes(code)) return { ...retry, limited: 'destination' };
  if (CREDENTIAL.includes(code)) return { kind: 'forbidden', scope: 'credential', error };
  const isOfChannel = CHANNEL.includes(code) || code.startsWith('restricted_action');
  return isOfChannel ? { kind: 'forbidden', scope: 'destination', error } : { kind: 'refused', error };
}
