/** Webhooks by the Standard Webhooks specification (standardwebhooks.com): signed, and never led elsewhere. */
import type { Clock } from '../../clock.ts';
import { secretProblem, secretsIn } from '../../webhook-secret.ts';
import { AddressRefused } from '../address-refused.ts';
import { deliveryOf, unanswered } from '../answers.ts';
import { type Answer, conceal, postJson, type Way } from '../post.ts';
import { type Delivery, dedupId, type Message, type Sink } from '../sink.ts';

export interface WebhookSettings {
  /** `whsec_…`, several separated by blanks while rotating; for callbacks that bring none. */
  secret: string | null;
  clock: Clock;
  /** Strangers give the URLs: one with a guard. */
  way: Way | undefined;
  /** How long to wait for an answer; 20 s unless told. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;
/** The secret is this endpoint's own, and so is its end. */
const ENDPOINT_CLOSED = [401, 403, 410];

/** `target` is the URL and `content` the JSON of the body, always in one piece. */
export function createWebhookSink(settings: WebhookSettings): Sink {
  return {
    limit: Number.POSITIVE_INFINITY,
    configured: settings.secret !== null,
    async send(message, signal) {
      const secret = message.token ?? settings.secret;
      if (secret === null) return unusable('WEBHOOK_SECRET not set');
      const problem = secretProblem(secret);
      if (problem !== null) return unusable(problem);
      const url = urlOf(message.target);
      if (url === null) return { kind: 'refused', error: 'the target is no http:// or https:// URL' };
      return attempt(message, { url, secret }, settings, signal);
    },
  };
}

interface Endpoint {
  url: URL;
  secret: string;
}

async function attempt(
  message: Message,
  endpoint: Endpoint,
  { clock, way, timeoutMs = TIMEOUT_MS }: WebhookSettings,
  signal: AbortSignal,
): Promise<Delivery> {
  try {
    const headers = await signedHeaders(message, endpoint.secret, clock);
    const url = endpoint.url.href;
    const answer = await postJson({ url, headers, body: message.content, clock, timeoutMs, way, signal });
    return classify({ ...answer, text: withoutSecrets(answer.text, endpoint) }, endpoint, clock);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : null;
    if (cause instanceof AddressRefused) return { kind: 'refused', error: cause.message };
    // What fetch says to the ports of other protocols; no repetition opens them.
    if (cause instanceof Error && cause.message === 'bad port')
      return { kind: 'refused', error: 'the port of the URL is one that no webhook may go to' };
    return unanswered(error, endpoint.secret);
  }
}

/** One signature for each secret: the receiver may know the old one, the new one or both. */
async function signedHeaders(
  message: Message,
  secret: string,
  clock: Clock,
): Promise<Record<string, string>> {
  // Not with the first import: it takes 4 ms, and most services send no webhooks.
  const { Webhook } = await import('standardwebhooks');
  // Not keyed with the secret: rotating it between two attempts must not make another message of it.
  const id = dedupId('webhook', message);
  const now = new Date(clock.wall());
  const signatures = secretsIn(secret).map((each) => new Webhook(each).sign(id, now, message.content));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}

function classify(answer: Answer, { url, secret }: Endpoint, clock: Clock): Delivery {
  const { status } = answer;
  if (status >= 300 && status < 400) return { kind: 'refused', error: redirectError(answer, url) };
  const delivery = deliveryOf(answer, secret, clock);
  if (!ENDPOINT_CLOSED.includes(status) || !('error' in delivery)) return delivery;
  return { kind: 'forbidden', scope: 'destination', error: delivery.error };
}

/** Where it pointed by its origin alone: a path may hold a secret. */
function redirectError({ status, headers }: Answer, url: URL): string {
  const location = headers.get('location');
  const origin = (location === null ? null : URL.parse(location, url.href)?.origin) ?? 'null';
  return origin === 'null' ? `HTTP ${status}` : `HTTP ${status} to ${origin}`;
}

/** A receiver may repeat what it was sent; the query often holds a key. */
function withoutSecrets(text: string, { url, secret }: Endpoint): string {
  const keys = secretsIn(secret).map((each) => each.replace(/^whsec_/, ''));
  return [...keys, url.search.slice(1)].reduce(conceal, text);
}

/** `fetch` would refuse user names and passwords, and repeat them in its error. */
function urlOf(target: string): URL | null {
  const url = URL.parse(target);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  return url.username === '' && url.password === '' ? url : null;
}

function unusable(error: string): Delivery {
  return { kind: 'forbidden', scope: 'credential', error };
}
