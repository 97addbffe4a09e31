/** A model's API on loopback, as one of the AI CLIs meets it: it says what a test has scripted and keeps what it was sent. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject, JsonValue } from '../../../src/queue/task.ts';
import { eventually } from '../../support/eventually.ts';

/** How the model answers a turn of the conversation. */
export type Reply = Answer | Failure | Hang;

export type Answer = ({ kind: 'text'; text: string } | { kind: 'tool'; name: string; input: JsonObject }) & {
  headers?: Record<string, string>;
  /** It is given when this has come. */
  when?: () => Promise<unknown>;
};

/** An error of the API. `body` in place of the dialect's usual one. */
export interface Failure {
  kind: 'fail';
  status: number;
  message: string;
  headers?: Record<string, string>;
  body?: JsonObject;
}

/** Says so much and then nothing more, ever. */
export interface Hang {
  kind: 'hang';
  text: string;
}

export interface ModelRequest {
  /** Without the query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: JsonObject;
}

/** One vendor's protocol. */
export interface Dialect {
  /** Whether a request is a turn of the conversation; what is not (a model list, a title) is answered by `aside`. */
  isTurn(request: ModelRequest): boolean;
  aside(request: ModelRequest): JsonObject;
  /** A whole answer as server-sent events; the first `events` of a text's are what a hanging model has said. */
  stream(reply: Answer, turn: number): string[];
  errorBody(status: number, message: string): JsonObject;
  /** The texts of the conversation that a turn was sent with, oldest first. */
  said(request: ModelRequest): Said[];
}

export interface Said {
  by: 'user' | 'model';
  text: string;
}

export const text = (words: string): Answer => ({ kind: 'text', text: words });

/** One side's texts out of a list of whatever. */
export function said(byUser: boolean, texts: readonly (JsonValue | undefined)[]): Said[] {
  const strings = texts.filter((each) => typeof each === 'string');
  return strings.map((each) => ({ by: byUser ? 'user' : 'model', text: each }));
}

/** A server-sent event with a name. */
export function sse(type: string, data: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

export class FakeModelApi {
  /** Turns of conversations, in the order of their arrival. */
  readonly turns: ModelRequest[] = [];
  /** Whatever else was asked for. */
  readonly asides: ModelRequest[] = [];
  readonly #dialect: Dialect;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #script: Reply[] = [];

  private constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  static async start(dialect: Dialect): Promise<FakeModelApi> {
    const api = new FakeModelApi(dialect);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The answers to the next turns, one each; the last one stands for all that follow. */
  answers(...replies: Reply[]): void {
    this.#script = replies;
  }

  /** Resolves with a turn's request, counted from 1, once it is there. */
  turn(count: number): Promise<ModelRequest> {
    return eventually(`turn ${count} at the fake model API`, () => this.turns[count - 1], START_MS);
  }

  /** What the model was sent as the conversation with the latest turn. */
  said(): Said[] {
    const latest = this.turns.at(-1);
    return latest === undefined ? [] : this.#dialect.said(latest);
  }

  /** Of what the model was sent last, these texts in their order: each CLI adds much of its own to a conversation. */
  heard(...texts: string[]): string[] {
    const all = this.said().map((said) => said.text);
    return all.filter((each) => texts.includes(each));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString('utf8');
    const request: ModelRequest = {
      path: new URL(incoming.url ?? '/', 'http://fake').pathname,
      headers: incoming.headers,
      body: sent.startsWith('{') ? (JSON.parse(sent) as JsonObject) : {},
    };
    if (this.#dialect.isTurn(request)) {
      this.turns.push(request);
      await this.#answer(response, this.#next());
    } else {
      this.asides.push(request);
      sendJson(response, 200, this.#dialect.aside(request));
    }
  }

  #next(): Reply {
    const [reply = text('ok'), ...others] = this.#script;
    if (others.length > 0) this.#script = others;
    return reply;
  }

  async #answer(response: ServerResponse, reply: Reply): Promise<void> {
    if (reply.kind === 'fail') {
      const { status, message, headers = {}, body } = reply;
      sendJson(response, status, body ?? this.#dialect.errorBody(status, message), headers);
      return;
    }
    const whole = reply.kind === 'hang' ? text(reply.text) : reply;
    const events = this.#dialect.stream(whole, this.turns.length);
    await whole.when?.();
    response.writeHead(200, { 'content-type': 'text/event-stream', ...whole.headers });
    if (reply.kind === 'hang') response.write(events.slice(0, HANGS_AFTER).join(''));
    else response.end(events.join(''));
  }
}

/** Gemini needs 15 s for a start on a busy machine. */
const START_MS = 120_000;

/** In each dialect the text has been said by then, and the answer has not ended. */
const HANGS_AFTER = 3;

function sendJson(response: ServerResponse, status: number, body: JsonObject, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
