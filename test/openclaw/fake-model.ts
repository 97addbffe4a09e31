/** A model on loopback, as OpenAI's chat completions stream it: it says, or calls, what the test wants. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the gateway asks. */
export interface ModelRequest {
  /** What the person, the hook or the event of this turn says, without what the gateway puts around it. */
  said: string;
  /** What a tool has answered in this turn; undefined until one was called. */
  toolResult: string | undefined;
  /** Names of the tools that it may call. */
  tools: string[];
  /** All that it was sent, as it is. */
  messages: ModelMessage[];
}

interface ToolCall {
  name: string;
  args: object;
}

export type ModelReply = { text: string } | { toolCall: ToolCall };

interface ModelMessage {
  role: string;
  content?: string | { type: string; text?: string }[] | null;
}

/** Says again what it was told, as an agent of a callback is asked to. */
export function repeat({ said }: ModelRequest): ModelReply {
  return { text: said };
}

export class FakeModel {
  readonly requests: ModelRequest[] = [];
  answer: (request: ModelRequest) => ModelReply = repeat;
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  static async start(): Promise<FakeModel> {
    const fake = new FakeModel();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  /** What the provider of a gateway's configuration has as its `baseUrl`. */
  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (request.url !== '/v1/chat/completions') return void response.writeHead(404).end();
    const { messages, tools = [] } = JSON.parse(text) as {
      messages: ModelMessage[];
      tools?: { function: { name: string } }[];
    };
    const names = tools.map((tool) => tool.function.name);
    const asked = { said: saidIn(messages), toolResult: toolResultIn(messages), tools: names, messages };
    this.requests.push(asked);
    stream(response, this.answer(asked));
  }
}

function stream(response: ServerResponse, reply: ModelReply): void {
  const head = { id: randomUUID(), object: 'chat.completion.chunk', created: 0, model: 'fake' };
  const [delta, finish_reason] =
    'text' in reply
      ? [{ content: reply.text }, 'stop']
      : [{ tool_calls: [callOf(reply.toolCall)] }, 'tool_calls'];
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  const chunks = [
    { ...head, choices: [{ index: 0, delta: { role: 'assistant', ...delta }, finish_reason: null }] },
    { ...head, choices: [{ index: 0, delta: {}, finish_reason }] },
    { ...head, choices: [], usage },
  ];
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function callOf({ name, args }: ToolCall) {
  const id = `call_${randomUUID().replaceAll('-', '')}`;
  return { index: 0, id, type: 'function', function: { name, arguments: JSON.stringify(args) } };
}

/** Of the messages since the model's last words that were no call: what was said last. */
function saidIn(messages: readonly ModelMessage[]): string {
  const isAnswer = ({ role, content }: ModelMessage) => role === 'assistant' && textIn(content) !== '';
  const turn = messages.slice(messages.findLastIndex(isAnswer) + 1).filter(({ role }) => role === 'user');
  const texts = turn.map(({ content }) => textIn(content));
  const last = turn.map(({ content }) => wordsIn(content)).findLast((text) => text !== '');
  return last === undefined || HEARTBEAT.test(last) ? eventIn(texts.join('\n')) : last;
}

const CONTEXT = /<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>[\s\S]*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>/g;
/** The turn that a wake begins; what it tells is in the context. */
const HEARTBEAT = /^Follow the heartbeat monitor scratch context/;
const INFO = /^.*⟦openclaw:ctx⟧\n```json\n[\s\S]*?\n```$/gm;
const RUNTIME = /^Runtime: agent=.*$/m;
const TIME = /^\[\w{3} \d{4}-\d\d-\d\d \d\d:\d\d UTC\] /;
const EXTERNAL =
  /<<<EXTERNAL_UNTRUSTED_CONTENT[^>]*>>>[\s\S]*?\n---\n([\s\S]*?)\n<<<END_EXTERNAL_UNTRUSTED_CONTENT/;

function unwrapped(text: string): string {
  const outside = text.replace(INFO, '').replace(RUNTIME, '').trim();
  return EXTERNAL.exec(outside)?.[1] ?? outside.replace(TIME, '');
}

function eventIn(text: string): string {
  return /System: \[[^\]]*\] ([\s\S]*?)\\?"\n<<<END/.exec(text)?.[1] ?? text;
}

/** Behind it the gateway may repeat where the turn comes from. */
function toolResultIn(messages: readonly ModelMessage[]): string | undefined {
  const last = messages.findLast(({ role, content }) => role !== 'user' || wordsIn(content) !== '');
  return last?.role === 'tool' ? textIn(last.content) : undefined;
}

function wordsIn(content: ModelMessage['content']): string {
  return unwrapped(textIn(content).replace(CONTEXT, ''));
}

function textIn(content: ModelMessage['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text = '' }) => text).join('\n');
}
