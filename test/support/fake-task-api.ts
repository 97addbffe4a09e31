/** A Task API on loopback as a runner meets it, of the newer or the older contract, that misbehaves on demand. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OutputBody } from '../../src/http/contract/output.ts';
import type { Payload, PolledTask } from '../../src/http/contract/payload.ts';
import type { EventBody, HeartbeatBody, ReleaseBody, ResultBody } from '../../src/http/contract/worker.ts';

export type Route = 'poll' | 'result' | 'heartbeat' | 'release' | 'event' | 'output';

/** How the next request of a route fares; without any it is answered as the contract says. */
export type Fate =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  /** The connection breaks, and nothing was taken. */
  | 'reset'
  /** What was sent counts, but its answer gets lost. */
  | 'lost answer'
  /** Nothing was taken, and no answer ever comes. */
  | 'silence'
  /** What was sent counts, and no answer ever comes. */
  | 'silence after';

export const TOKEN = 'a-token-for-tests-only';

interface Parked {
  query: URLSearchParams;
  response: ServerResponse;
}

export class FakeTaskApi {
  readonly polls: URLSearchParams[] = [];
  readonly heartbeats: HeartbeatBody[] = [];
  /** Results that counted, in the order of their arrival. */
  readonly results: ResultBody[] = [];
  readonly releases: ReleaseBody[] = [];
  readonly events: EventBody[] = [];
  readonly outputs: OutputBody[] = [];
  /** Requests of each route, refused ones too. */
  readonly seen: Record<Route, number> = {
    poll: 0,
    result: 0,
    heartbeat: 0,
    release: 0,
    event: 0,
    output: 0,
  };
  /** What heartbeats hear that somebody asks for. */
  wants: 'recent'[] = [];
  /** Leases that the next heartbeats hear of, for as long as they name them. */
  readonly cancelled = new Set<string>();
  readonly lost = new Set<string>();
  /** What new tasks get; 60 s without. */
  leaseMs = 60_000;
  /** While set, requests fare like this, whatever their route. */
  always: Fate | null = null;
  /** Results of these tasks fare like this, each time. */
  readonly poison = new Map<string, Fate>();
  readonly #contract: 'newer' | 'older';
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #fates: Record<Route, Fate[]> = {
    poll: [],
    result: [],
    heartbeat: [],
    release: [],
    event: [],
    output: [],
  };
  #pending: PolledTask[] = [];
  #parked: Parked[] = [];
  #watchers: (() => void)[] = [];

  private constructor(contract: 'newer' | 'older') {
    this.#contract = contract;
  }

  static async start(contract: 'newer' | 'older' = 'newer', port = 0): Promise<FakeTaskApi> {
    const fake = new FakeTaskApi(contract);
    fake.#server.listen(port, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  next(route: Route, ...fates: Fate[]): void {
    this.#fates[route].push(...fates);
  }

  /** The route behaves again. */
  forget(route: Route): void {
    this.#fates[route] = [];
  }

  /** Offers a task to the next poll; returns it as it will be polled. */
  submit(payload: Payload): PolledTask {
    const lease = { leaseId: randomUUID(), attempt: 1, leaseMs: this.leaseMs };
    const envelope = {
      id: randomUUID(),
      status: 'running',
      createdAt: 1,
      startedAt: 2,
      completedAt: null,
    } as const;
    const task = { ...envelope, ...payload, ...(this.#contract === 'newer' && lease) };
    this.#pending.push(task);
    this.#match();
    return task;
  }

  command(command: string, timeout = 60_000): PolledTask {
    return this.submit({ type: 'command', command, timeout });
  }

  /** Resolves when `condition` holds; looked at after every request. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** The result of a task, when it has arrived. */
  async resultOf(task: { id: string }): Promise<ResultBody> {
    const found = () => this.results.find((result) => result.taskId === task.id);
    await this.until(() => found() !== undefined);
    return found()!;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://fake');
    const route = url.pathname.replace('/worker/', '') as Route;
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    this.seen[route] += 1;
    const fate = this.#fates[route].shift() ?? this.always ?? this.#poisonOf(route, text);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) send(response, 401, { error: 'Unauthorized' });
    else if (fate !== null && typeof fate === 'object')
      send(response, fate.status, fate.body ?? '', fate.headers);
    else if (fate === 'reset') response.destroy();
    else if (fate !== 'silence')
      this.#answer(route, { query: url.searchParams, response }, text === '' ? {} : JSON.parse(text), fate);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  #poisonOf(route: Route, text: string): Fate | null {
    if (route !== 'result') return null;
    return this.poison.get((JSON.parse(text) as ResultBody).taskId) ?? null;
  }

  #answer(route: Route, call: Parked, body: unknown, fate: Fate | null): void {
    if (route === 'poll') this.#poll(call);
    else if (this.#contract === 'older' && ['heartbeat', 'release', 'output'].includes(route))
      send(call.response, 404, '<pre>Cannot POST</pre>');
    else {
      const answer = this.#take(route, body);
      if (fate === 'lost answer') call.response.destroy();
      else if (fate !== 'silence after') send(call.response, answer.status, answer.body);
    }
  }

  #take(route: Route, body: unknown): { status: number; body: unknown } {
    const done = { status: 200, body: { success: true } as unknown };
    if (route === 'result') return this.#finish(body as ResultBody);
    if (route === 'release') this.releases.push(body as ReleaseBody);
    if (route === 'event') this.events.push(body as EventBody);
    if (route === 'output') this.outputs.push(body as OutputBody);
    if (route === 'heartbeat') done.body = this.#beat(body as HeartbeatBody);
    return done;
  }

  #finish(result: ResultBody): { status: number; body: unknown } {
    if (this.results.some((other) => other.taskId === result.taskId) && this.#contract === 'newer')
      return { status: 409, body: { error: 'finished', code: 'already_finished' } };
    this.results.push(result);
    return { status: 200, body: { success: true } };
  }

  #beat(body: HeartbeatBody): unknown {
    this.heartbeats.push(body);
    const named = (leases: Set<string>) => body.leases.filter((leaseId) => leases.has(leaseId));
    const wants = this.wants.length > 0 && { wants: this.wants };
    return { cancelled: named(this.cancelled), lost: named(this.lost), leaseMs: this.leaseMs, ...wants };
  }

  #poll(parked: Parked): void {
    this.polls.push(parked.query);
    this.#parked.push(parked);
    parked.response.once('close', () => {
      this.#parked = this.#parked.filter((other) => other !== parked);
    });
    this.#match();
  }

  /** Answers the polls that wait: there is nothing. */
  dismiss(): void {
    for (const { response } of this.#parked.splice(0)) send(response, 200, []);
  }

  /** The older contract hands out one task, whatever `max` says. */
  #match(): void {
    while (this.#pending.length > 0) {
      const parked = this.#parked.shift();
      if (parked === undefined) return;
      const max = this.#contract === 'newer' ? Number(parked.query.get('max')) : 1;
      const tasks = this.#pending.splice(0, max);
      send(parked.response, 200, this.#contract === 'newer' ? tasks : tasks[0]);
    }
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'Content-Type': isText ? 'text/html' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}
