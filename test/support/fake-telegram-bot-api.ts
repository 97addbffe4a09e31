/**
 * A Telegram on loopback, for one bot: its Bot API, and chats where people write and a test reads. It is as much of it
 * as examples/telegram-bot.ts, our own delivery and the Telegram channel of an OpenClaw gateway ask for.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './eventually.ts';

export const TELEGRAM_TOKEN = '110201543:a-bot-token-of-the-tests';
const ME = { id: 110_201_543, is_bot: true, first_name: 'Runner', username: 'runner_bot' };

/** Of a message that somebody writes; the chat is private unless it says otherwise. */
export interface Written {
  from: number;
  chat?: Chat;
  [field: string]: unknown;
}

/** What the bot, or the Task API in its name, has sent. */
export interface Sent {
  chat_id: string | number;
  text: string;
  message_thread_id?: number;
}

interface Update {
  update_id: number;
  message: object;
}

interface Chat {
  id: number;
  type: string;
  is_forum?: boolean;
}

/** Calls whose answer is that they were heard. */
const HEARD = new Set(['deleteWebhook', 'deleteMyCommands', 'sendChatAction', 'setMessageReaction']);

type Parameters = Record<string, unknown>;

export class FakeTelegramBotApi {
  readonly sent: Sent[] = [];
  /** As the bot has announced them. */
  commands: { command: string; description: string }[] = [];
  /** How sending a message fares: it arrives, its answer gets lost, or the person has blocked the bot. */
  sending: 'answered' | 'lost answer' | 'blocked' = 'answered';
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #updates: Update[] = [];
  readonly #chats = new Map<string, Chat>();
  #lastId = 900;
  /** Ends the long poll that waits. */
  #wake = () => {};

  static async start(): Promise<FakeTelegramBotApi> {
    const fake = new FakeTelegramBotApi();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Somebody writes to the bot. */
  write(text: string, { from, ...more }: Written): void {
    this.#lastId += 1;
    const [command = ''] = text.split(' ');
    const entities = text.startsWith('/') ? [{ type: 'bot_command', offset: 0, length: command.length }] : [];
    const user = { id: from, is_bot: false, first_name: 'Somebody' };
    const chat = more.chat ?? { id: from, type: 'private', first_name: 'Somebody' };
    this.#chats.set(String(chat.id), chat);
    const message = {
      message_id: this.#lastId,
      date: nowSeconds(),
      from: user,
      text,
      entities,
      ...more,
      chat,
    };
    this.#updates.push({ update_id: this.#lastId, message });
    this.#wake();
  }

  /** The texts in a chat, oldest first, once there are so many. */
  async chat(id: number, count: number): Promise<string[]> {
    const here = () => this.sent.filter(({ chat_id }) => String(chat_id) === String(id));
    return eventually(`${count} messages in chat ${id}, after ${JSON.stringify(this.sent)}`, () => {
      return here().length >= count && here().map(({ text }) => text);
    });
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const parameters = text === '' ? {} : (JSON.parse(text) as Parameters);
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
    if (token !== TELEGRAM_TOKEN) return refuse(response, 401, 'Unauthorized');
    if (method === 'getMe') return answer(response, ME);
    if (method !== undefined && HEARD.has(method)) return answer(response, true);
    if (method === 'getChat') return this.#getChat(parameters, response);
    if (method === 'getUpdates') return this.#poll(parameters, response);
    if (method === 'sendMessage') return this.#send(parameters, response);
    if (method !== 'setMyCommands') return refuse(response, 404, 'Not Found');
    this.commands = parameters.commands as typeof this.commands;
    answer(response, true);
  }

  /** An offset confirms what is before it: that does not come again. */
  #poll({ offset = 0, timeout = 0 }: Parameters, response: ServerResponse): void {
    this.#wake();
    this.#updates = this.#updates.filter(({ update_id }) => update_id >= Number(offset));
    const isOver = setTimeout(() => this.#wake(), Number(timeout) * 1_000).unref();
    this.#wake = () => {
      clearTimeout(isOver);
      this.#wake = () => {};
      answer(response, this.#updates);
    };
    if (this.#updates.length > 0 || timeout === 0) this.#wake();
  }

  #send(parameters: Parameters, response: ServerResponse): void {
    this.#lastId += 1;
    if (this.sending === 'blocked') {
      refuse(response, 403, 'Forbidden: bot was blocked by the user');
      return;
    }
    this.sent.push(parameters as unknown as Sent);
    const { chat_id, text, message_thread_id } = parameters;
    const chat = this.#chats.get(String(chat_id)) ?? { id: Number(chat_id), type: 'private' };
    // A gateway takes a message whose answer names no topic for one that went astray.
    const topic = message_thread_id === undefined ? {} : { message_thread_id, is_topic_message: true };
    const message = { message_id: this.#lastId, date: nowSeconds(), chat, text, ...topic };
    if (this.sending === 'answered') answer(response, message);
  }

  #getChat({ chat_id }: Parameters, response: ServerResponse): void {
    const chat = this.#chats.get(String(chat_id));
    if (chat === undefined) refuse(response, 400, 'Bad Request: chat not found');
    else answer(response, chat);
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}

function answer(response: ServerResponse, result: unknown): void {
  reply(response, 200, { ok: true, result });
}

function refuse(response: ServerResponse, status: number, description: string): void {
  reply(response, status, { ok: false, error_code: status, description });
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
