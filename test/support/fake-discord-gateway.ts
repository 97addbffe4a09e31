/** A Discord on loopback, for one application: its REST API and its gateway, where people use slash commands. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { eventually } from './eventually.ts';

export const DISCORD_TOKEN = 'MTIz.a-bot-token-of-the-tests';
const APPLICATION = '1100000000000000001';
const GUILD = '1100000000000000002';
const ME = { id: APPLICATION, username: 'runner', discriminator: '0', bot: true, avatar: null };
const START_LIMIT = { total: 1_000, remaining: 1_000, reset_after: 0, max_concurrency: 1 };
const EPHEMERAL = 64;
const ACKNOWLEDGED = { message: 'Interaction has already been acknowledged.', code: 40_060 };

/** Opcodes of the gateway. */
const DISPATCH = 0;
const HEARTBEAT = 1;
const IDENTIFY = 2;
const HELLO = 10;
const HEARTBEAT_ACK = 11;

/** Somebody uses a slash command in a channel. */
export interface Used {
  id: string;
  command: string;
  prompt: string;
  user: number;
  channel: string;
}

/** What they see below it; null: that the bot is thinking. */
export interface Response {
  content: string | null;
  isEphemeral: boolean;
}

type Body = ReturnType<typeof JSON.parse>;

export class FakeDiscordGateway {
  /** Of the application, as it has registered them. */
  commands: { name: string; options: object[] }[] = [];
  /** Of each session, the intents that it has asked for. */
  readonly intents: number[] = [];
  /** A second acknowledgement of one interaction is taken, as where Discord has lost the first. */
  isForgetful = false;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #gateway = new WebSocketServer({ server: this.#server });
  readonly #channels = new Map<string, string[]>();
  readonly #responses = new Map<string, Response[]>();
  #sequence = 0;

  static async start(): Promise<FakeDiscordGateway> {
    const fake = new FakeDiscordGateway();
    fake.#gateway.on('connection', (socket) => fake.#meet(socket));
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get baseUrl(): string {
    return `http://${this.#host}/api/v10`;
  }

  /** The same again is a redelivery. */
  use({ id, command, prompt, user, channel }: Used): void {
    const member = { user: { id: String(user), username: 'somebody', discriminator: '0' }, roles: [] };
    const options = [{ name: 'prompt', type: 3, value: prompt }];
    this.#dispatch('INTERACTION_CREATE', {
      ...{ id, token: `token-${id}`, application_id: APPLICATION, type: 2, version: 1, locale: 'en-GB' },
      ...{ guild_id: GUILD, channel_id: channel, channel: { id: channel, type: 0 }, member },
      ...{ app_permissions: '0', entitlements: [], authorizing_integration_owners: {} },
      data: { id: '1100000000000000003', name: command, type: 1, options },
    });
  }

  /** What was seen below an interaction, oldest first, once there is so much. */
  async responses(id: string, count: number): Promise<Response[]> {
    const here = () => this.#responses.get(id) ?? [];
    return eventually(`${count} responses to ${id}`, () => here().length >= count && [...here()]);
  }

  /** The messages of a channel, oldest first, once there are so many. */
  async channel(id: string, count: number): Promise<string[]> {
    const here = () => this.#channels.get(id) ?? [];
    return eventually(`${count} messages in channel ${id}`, () => here().length >= count && [...here()]);
  }

  async stop(): Promise<void> {
    for (const socket of this.#gateway.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  get #host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #meet(socket: WebSocket): void {
    const send = (op: number, d: unknown = null) => socket.send(JSON.stringify({ op, d, s: null, t: null }));
    socket.on('message', (text) => {
      const { op, d } = JSON.parse(String(text));
      if (op === HEARTBEAT) send(HEARTBEAT_ACK);
      if (op === IDENTIFY) this.#identify(socket, d);
    });
    send(HELLO, { heartbeat_interval: 45_000 });
  }

  #identify(socket: WebSocket, { token, intents }: Body): void {
    if (token !== DISCORD_TOKEN) {
      socket.close(4004, 'Authentication failed.');
      return;
    }
    this.intents.push(intents);
    const resume_gateway_url = `ws://${this.#host}`;
    const guilds = [{ id: GUILD, unavailable: true }];
    const application = { id: APPLICATION, flags: 0 };
    const about = { v: 10, user: ME, guilds, application, session_id: 'a-session', resume_gateway_url };
    this.#dispatch('READY', about, [socket]);
  }

  #dispatch(t: string, d: object, sockets: Iterable<WebSocket> = this.#gateway.clients): void {
    this.#sequence += 1;
    for (const socket of sockets) socket.send(JSON.stringify({ op: DISPATCH, t, s: this.#sequence, d }));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const path = (request.url ?? '').replace('/api/v10', '').replace(/\?.*/, '');
    const isOurs = request.headers.authorization === `Bot ${DISCORD_TOKEN}`;
    // The token of an interaction is in its path.
    const isOpen = /^\/(interactions|webhooks)\//.test(path);
    const [status, body] =
      isOurs || isOpen ? this.#route(path, text) : [401, { message: '401: Unauthorized' }];
    if (body === undefined) return void response.writeHead(status).end();
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }

  #route(path: string, text: string): [status: number, body?: object] {
    const body: Body = text === '' ? {} : JSON.parse(text);
    const [, room, id = '', token = ''] = path.split('/');
    if (path === '/gateway/bot')
      return [200, { url: `ws://${this.#host}`, shards: 1, session_start_limit: START_LIMIT }];
    if (path === `/applications/${APPLICATION}/commands`) return [200, this.#register(body)];
    if (room === 'interactions') return this.#acknowledge(id, body);
    if (room === 'webhooks') return this.#edit(token.replace('token-', ''), body);
    if (room === 'channels') return this.#post(id, body);
    return [404, { message: '404: Not Found' }];
  }

  #register(commands: typeof this.commands): object[] {
    this.commands = commands;
    return commands.map((command, at) => ({ ...command, id: String(at), application_id: APPLICATION }));
  }

  #acknowledge(id: string, { data }: Body): [number, object?] {
    const isSecond = this.#responses.has(id);
    if (isSecond && !this.isForgetful) return [400, ACKNOWLEDGED];
    const isEphemeral = ((data?.flags ?? 0) & EPHEMERAL) !== 0;
    this.#responses.set(id, [
      ...(this.#responses.get(id) ?? []),
      { content: data?.content ?? null, isEphemeral },
    ]);
    return [204];
  }

  #edit(id: string, { content }: Body): [number, object] {
    this.#responses.get(id)?.push({ content, isEphemeral: false });
    return [200, { id, content, author: ME, attachments: [], embeds: [] }];
  }

  #post(channel: string, { content }: Body): [number, object] {
    this.#channels.set(channel, [...(this.#channels.get(channel) ?? []), content]);
    return [200, { id: '1', content }];
  }
}
