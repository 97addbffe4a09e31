/**
 * An OpenClaw gateway's hooks; the forms of a target are in src/hook-target.ts. What was seen of a real one (2026.9.6)
 * is in test/support/gateway-hooks.ts; where its documentation is all there is, it says so here. `/hooks/wake` knows no
 * key: after a lost answer the agent may be told twice.
 */
import type { Clock } from '../../clock.ts';
import { type HookTarget, parseHookTarget } from '../../hook-target.ts';
import { deliveryOf, errorOf, oneLine, unanswered } from '../answers.ts';
import { type Answer, jsonOf, postJson, retryAfterMs, type Way } from '../post.ts';
import { type Delivery, dedupId, type Message, type Sink } from '../sink.ts';

export interface HookSettings {
  /** Of the gateway, such as `http://127.0.0.1:18789`; its hooks are below `/hooks`. */
  baseUrl: string | null;
  /** The gateway's hook token, for callbacks that bring none. */
  token: string | null;
  /** The agent that is told; null leaves it to the gateway, and to a mapping it always is. */
  agentId: string | null;
  clock: Clock;
  way?: Way | undefined;
  /** How long to wait for an answer; unless told 120 s for an agent's turn, 30 s for all else. */
  timeoutMs?: number;
}

interface Call {
  hook: string;
  body: object;
  timeoutMs: number;
}

/** A body above 256 KiB is refused (200 KiB pass, 300 do not); JSON takes 6 bytes of a unit at most, so 176 KiB here. */
const MAX_CONTENT_UNITS = 30_000;
/** Documented: a run has 15 s to be admitted before the answer is 503. */
const ADMISSION_TIMEOUT_MS = 30_000;
/** A longer turn goes on. Documented: the next attempt, of the same key, joins it, or hears of it within 5 minutes. */
const TURN_TIMEOUT_MS = 120_000;

const WAKE_WORDS = {
  started: 'started',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'was cancelled',
} as const;

export function createHookSink(settings: HookSettings): Sink {
  const { baseUrl, clock, way } = settings;
  return {
    limit: MAX_CONTENT_UNITS,
    // Each message is a turn of the agent.
    whole: true,
    configured: baseUrl !== null && settings.token !== null,
    async send(message, signal) {
      const token = message.token ?? settings.token;
      if (baseUrl === null) return notSet('OPENCLAW_HOOKS_URL');
      if (token === null) return notSet('OPENCLAW_HOOKS_TOKEN');
      const target = parseHookTarget(message.target);
      if (target === null) return { kind: 'refused', error: 'the target is no hook' };
      const { hook, ...call } = callOf(target, message, settings.agentId);
      // With another key, or another body, the gateway would run the agent again.
      const headers = { Authorization: `Bearer ${token}`, 'Idempotency-Key': dedupId(token, message) };
      const url = `${baseUrl.replace(/\/+$/, '')}/hooks/${hook}`;
      const timeoutMs = settings.timeoutMs ?? call.timeoutMs;
      try {
        const answer = await postJson({ ...call, url, headers, clock, timeoutMs, way, signal });
        return classify(answer, token, clock);
      } catch (error) {
        return unanswered(error, token);
      }
    },
  };
}

function notSet(name: string): Delivery {
  return { kind: 'forbidden', scope: 'credential', error: `${name} not set` };
}

function callOf(target: HookTarget, message: Message, agentId: string | null): Call {
  const agent = agentId === null ? {} : { agentId };
  switch (target.form) {
    case 'wake': {
      const body = { text: wakeText(message), mode: 'now', ...agent };
      return { hook: 'wake', body, timeoutMs: ADMISSION_TIMEOUT_MS };
    }
    case 'agent': {
      const { channel, to } = target;
      const route = { name: 'openclaw-runner', deliver: true, channel, to, ...agent };
      // Else 200 says that a run was admitted, and a model that is down would pass for a delivery.
      const body = { message: message.content, ...route, waitForCompletion: true };
      return { hook: 'agent', body, timeoutMs: TURN_TIMEOUT_MS };
    }
    case 'mapping':
      // Documented: a mapping can't be waited for.
      return { hook: target.name, body: mappedBody(target, message), timeoutMs: ADMISSION_TIMEOUT_MS };
  }
}

/** The agent trusts it, so nothing in it comes from a command or a person. */
function wakeText({ taskId, taskType, moment }: Message): string {
  return `Task ${taskId} (${taskType}) ${WAKE_WORDS[moment]}`;
}

function mappedBody({ conversation }: HookTarget & { form: 'mapping' }, message: Message): object {
  const { taskId, taskType, moment, content, threadId } = message;
  const task = { taskId, type: taskType, status: moment, message: content };
  return { ...task, ...conversation, ...(threadId !== null && { threadId }) };
}

function classify(answer: Answer, token: string, clock: Clock): Delivery {
  const error = errorOf(answer, token);
  // Its hooks are off, or nothing is mapped to the name.
  if (answer.status === 404) return { kind: 'forbidden', scope: 'destination', error };
  // The session is busy with something else.
  if (answer.status === 409) return { kind: 'retry', error, afterMs: retryAfterMs(answer.headers, clock) };
  const delivery = deliveryOf(answer, token, clock);
  // Bad tokens are what the gateway counts.
  if (delivery.kind === 'retry' && delivery.limited) return { ...delivery, limited: 'credential' };
  // A mapping that decided to do nothing.
  if (delivery.kind !== 'delivered' || answer.status === 204) return delivery;
  const body = jsonOf(answer);
  // Every 200 of a gateway says `ok`: this is another server, or half an answer.
  if (body?.ok !== true) return { kind: 'retry', error, afterMs: 0 };
  return outcomeOf(body, token);
}

/**
 * What a turn that was waited for came to. Its failures are 200 too, and final: the same key gets the same answer.
 * Whatever does not say `delivered` left the reader without the text, an agent that chose to be silent as well.
 */
function outcomeOf({ completion }: Record<string, unknown>, token: string): Delivery {
  // A wake, a mapping, or a gateway from before `waitForCompletion`: that it was taken is all that is known.
  if (typeof completion !== 'object' || completion === null) return { kind: 'delivered' };
  if ('delivered' in completion && completion.delivered === true) return { kind: 'delivered' };
  const error = oneLine(`the agent's turn delivered nothing: ${JSON.stringify(completion)}`, token);
  return { kind: 'refused', error };
}
