/** The hooks of an OpenClaw gateway, with the answers that a real one gave (2026.9.6). */
import { randomUUID } from 'node:crypto';

type Json = Record<string, unknown>;

export interface SeenHook {
  path: string;
  authorization: string | undefined;
  idempotencyKey: string | undefined;
  bytes: number;
  body: Json;
}

export interface Reply {
  status: number;
  /** A text goes as such: the early refusals are no JSON. */
  body: unknown;
  headers?: Record<string, string>;
}

/** 200 KiB passed and 300 KiB did not; this is what its documentation says. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_BAD_TOKENS = 20;
const AGENTS = ['main', 'coder'];
const CHANNELS = ['telegram', 'discord', 'slack'];
const DELIVERED = { status: 'ok', replyDisposition: 'visible', delivered: true, deliveryAttempted: true };

export class GatewayHooks {
  enabled = true;
  /** Of `hooks.mappings`. */
  readonly mappings = new Set<string>();
  /** What the next agent turns come to. */
  completion: Json = DELIVERED;
  /** Lines that wait for the agent. */
  readonly wakes: string[] = [];
  /** What the mappings were given, once per run. */
  readonly mapped: { name: string; body: Json }[] = [];
  readonly #token: string;
  readonly #conversations = new Map<string, string[]>();
  readonly #runs = new Map<string, { runId: string; completion: Json }>();
  #badTokens = 0;

  constructor(token: string) {
    this.#token = token;
  }

  /** What a reader of `telegram:777` sees: the agent says what it was told, once per run. */
  conversation(name: string): string[] {
    return this.#conversations.get(name) ?? [];
  }

  reply(seen: SeenHook): Reply {
    const hook = /^\/hooks\/([\w-]+)$/.exec(seen.path)?.[1];
    if (!this.enabled || hook === undefined) return { status: 404, body: 'Not Found' };
    if (seen.authorization !== `Bearer ${this.#token}`) return this.#unauthorized();
    this.#badTokens = 0;
    if (seen.bytes > MAX_BODY_BYTES) return refusal(413, 'payload too large');
    if (hook === 'wake') return this.#wake(seen.body);
    if (hook === 'agent') return this.#agent(seen);
    return this.mappings.has(hook) ? this.#map(hook, seen) : { status: 404, body: 'Not Found' };
  }

  /** A good token is taken all the same, and begins the count anew. */
  #unauthorized(): Reply {
    this.#badTokens += 1;
    if (this.#badTokens <= MAX_BAD_TOKENS) return { status: 401, body: 'Unauthorized' };
    return { status: 429, body: 'Too Many Requests', headers: { 'Retry-After': '60' } };
  }

  #wake({ text, agentId }: Json): Reply {
    if (typeof text !== 'string' || text.trim() === '') return refusal(400, 'text required');
    if (!isAgent(agentId)) return refusal(400, `unknown agentId "${agentId}"`);
    const eventOutcome = this.wakes.includes(text) ? 'coalesced' : 'queued';
    if (eventOutcome === 'queued') this.wakes.push(text);
    return { status: 200, body: { ok: true, mode: 'now', eventOutcome } };
  }

  #agent(seen: SeenHook): Reply {
    const { message, channel, to, agentId, waitForCompletion } = seen.body;
    if (typeof message !== 'string' || message.trim() === '') return refusal(400, 'message required');
    if (!isAgent(agentId)) return refusal(400, `unknown agentId "${agentId}"`);
    // Not what it sounds like: no channel of this name is set up there.
    if (!CHANNELS.includes(String(channel)) || !to) return refusal(400, 'channel must be last');
    const { runId, completion } = this.#run('agent', seen, () => {
      const name = `${channel}:${to}`;
      if (this.completion.delivered) this.#conversations.set(name, [...this.conversation(name), message]);
    });
    return { status: 200, body: { ok: true, runId, ...(waitForCompletion === true && { completion }) } };
  }

  #map(name: string, seen: SeenHook): Reply {
    const { runId } = this.#run(name, seen, () => this.mapped.push({ name, body: seen.body }));
    return { status: 200, body: { ok: true, runId } };
  }

  /** The same key with the same body is the same run, and ends as it did; the work is done in the first. */
  #run(hook: string, { idempotencyKey, body }: SeenHook, work: () => void) {
    const identity = `${hook} ${idempotencyKey ?? randomUUID()} ${JSON.stringify(body)}`;
    const known = this.#runs.get(identity);
    if (known !== undefined) return known;
    const run = { runId: randomUUID(), completion: this.completion };
    this.#runs.set(identity, run);
    work();
    return run;
  }
}

function isAgent(agentId: unknown): boolean {
  return agentId === undefined || AGENTS.includes(String(agentId));
}

function refusal(status: number, error: string): Reply {
  return { status, body: { ok: false, error } };
}
