/** A person in the gateway's own chat, as its pages speak with it: over WebSocket. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.ts';

/** A turn of an agent may wait for one that runs. */
const REPLY_BOUND_MS = 120_000;

type Json = ReturnType<typeof JSON.parse>;

export interface ChatEvent {
  event: string;
  payload: Json;
}

export interface Spoken {
  role: string;
  text: string;
}

export class Webchat {
  readonly sessionKey: string;
  /** All that has come of `chat` and `session.message`, of other conversations too. */
  readonly events: ChatEvent[] = [];
  readonly #socket: WebSocket;
  readonly #answers = new Map<string, (answer: Json) => void>();

  private constructor(socket: WebSocket, sessionKey: string) {
    this.#socket = socket;
    this.sessionKey = sessionKey;
  }

  static async open(url: string, token: string, sessionKey = 'agent:main:main'): Promise<Webchat> {
    const socket = new WebSocket(url.replace('http', 'ws'));
    const chat = new Webchat(socket, sessionKey);
    const challenged = new Promise<void>((resolve) => {
      socket.on('message', (data) => chat.#hear(JSON.parse(String(data)), resolve));
    });
    await once(socket, 'open');
    await challenged;
    await chat.request('connect', greeting(token));
    await chat.request('sessions.messages.subscribe', { key: sessionKey });
    return chat;
  }

  /** Writes and resolves with the answer that ends the turn. */
  async ask(message: string): Promise<string> {
    const idempotencyKey = randomUUID();
    await this.request('chat.send', { sessionKey: this.sessionKey, message, idempotencyKey });
    const { payload } = await eventually(
      `the answer to ${message}`,
      () => this.events.find((each) => endsRun(each, idempotencyKey)),
      REPLY_BOUND_MS,
    );
    if (payload.state !== 'final') throw new Error(`no answer to ${message}: ${JSON.stringify(payload)}`);
    return textOf(payload.message);
  }

  /** What the other side has said while this client was there, each once, oldest first; answers to `ask`, too. */
  get heard(): string[] {
    const said = this.events.filter(({ event, payload }) => {
      return event === 'session.message' && isHere(payload, this) && payload.message?.role === 'assistant';
    });
    return said.map(({ payload }) => textOf(payload.message));
  }

  /** Resolves with the first text of the other side that has these words. */
  hears(words: string): Promise<string> {
    return eventually(
      `"${words}" in the web chat, after ${JSON.stringify(this.heard)}`,
      () => this.heard.find((text) => text.includes(words)),
      REPLY_BOUND_MS,
    );
  }

  /** The conversation as a page shows it that is opened now. */
  async history(): Promise<Spoken[]> {
    const { messages } = await this.request('chat.history', { sessionKey: this.sessionKey, limit: 200 });
    return messages.map((message: Json) => ({ role: message.role, text: textOf(message) }));
  }

  async request(method: string, params: object): Promise<Json> {
    const id = randomUUID();
    const answered = new Promise<Json>((resolve) => this.#answers.set(id, resolve));
    this.#socket.send(JSON.stringify({ type: 'req', id, method, params }));
    const { ok, payload, error } = await answered;
    if (!ok) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return payload;
  }

  close(): void {
    this.#socket.terminate();
  }

  #hear(frame: Json, onChallenge: () => void): void {
    if (frame.type === 'res') this.#answers.get(frame.id)?.(frame);
    else if (frame.event === 'connect.challenge') onChallenge();
    else if (frame.event === 'chat' || frame.event === 'session.message') this.events.push(frame);
  }
}

/** As a program on the same machine, which needs no key of a device. */
function greeting(token: string): object {
  return {
    ...{ minProtocol: 4, maxProtocol: 4, caps: [] },
    client: { id: 'gateway-client', version: '0', platform: 'linux', mode: 'backend' },
    role: 'operator',
    scopes: ['operator.read', 'operator.write', 'operator.admin'],
    auth: { token },
  };
}

/** The others tell how far it is. */
const ENDS = new Set(['final', 'error', 'aborted']);

function endsRun({ event, payload }: ChatEvent, runId: string): boolean {
  return event === 'chat' && payload.runId === runId && ENDS.has(payload.state);
}

function isHere(payload: Json, { sessionKey }: Webchat): boolean {
  return payload.sessionKey === sessionKey;
}

function textOf(message: Json): string {
  const content = message?.content;
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text = '' }: { text?: string }) => text).join('\n');
}
