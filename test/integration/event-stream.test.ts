/** Streams of events of real processes that are killed, stopped and started again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Bot, environmentIn, launch, ready, TOKEN } from '../support/processes.ts';
import { SseClient } from '../support/sse.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Follows the events over all restarts, as a client should: each time from the last that it got. */
class Follower {
  readonly #urlOf: () => string;
  readonly #query: string;
  readonly #clients: SseClient[] = [];
  #isOver = false;
  /** How its streams ended. */
  readonly ends: string[] = [];

  constructor(urlOf: () => string, query = '') {
    this.#urlOf = urlOf;
    this.#query = query;
    onTestFinished(() => this.stop());
  }

  get ids(): number[] {
    return this.#clients.flatMap(({ ids }) => ids);
  }

  get data(): ReturnType<typeof JSON.parse>[] {
    return this.#clients.flatMap(({ data }) => data);
  }

  /** Resolves when it follows; it goes on until `stop`. */
  async start(): Promise<this> {
    await this.#open();
    void this.#goOn();
    return this;
  }

  stop(): void {
    this.#isOver = true;
    for (const client of this.#clients) client.hangUp();
  }

  /** As long as the test goes on: what it waits for has bounds of its own. */
  async #goOn(): Promise<void> {
    const ended = () => this.#isOver || this.#clients.at(-1)?.end;
    const opened = async () => this.#isOver || (await this.#open().catch(() => null));
    while (!this.#isOver) {
      const end = await eventually('the end of a stream', ended, Number.POSITIVE_INFINITY);
      if (this.#isOver) return;
      this.ends.push(String(end));
      await eventually('a new stream', opened, Number.POSITIVE_INFINITY);
    }
  }

  async #open(): Promise<SseClient> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const after = this.ids.at(-1) ?? 0;
    const client = await SseClient.open(`${this.#urlOf()}/events/stream${this.#query}`, { headers, after });
    this.#clients.push(client);
    return client;
  }
}

/** A Task API that can be killed and started again at the same address. */
async function setUp() {
  const env = environmentIn(tempFolder());
  let running = launch('task-api', env);
  const bot = await ready(running);
  const again = async () => {
    running = launch('task-api', { ...env, WORKER_PORT: new URL(bot.url).port });
    await ready(running);
  };
  return {
    bot,
    kill: async () => {
      await running.die();
      await again();
    },
    restart: async () => {
      expect(await running.stop()).toBe(0);
      await again();
    },
  };
}

/** Submits without a pause until told; the ids of the tasks that were accepted. */
function submitting(bot: Bot) {
  const accepted: string[] = [];
  let isOver = false;
  const going = (async () => {
    while (!isOver) {
      const answer = await bot.post('/tasks', { command: 'true' }).catch(() => null);
      if (answer !== null) accepted.push(answer.taskId);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const stop = async () => {
    isOver = true;
    await going;
  };
  onTestFinished(stop);
  return { accepted, stop };
}

const count = (to: number) => Array.from({ length: to }, (_, index) => index + 1);

describe('a reader that comes back to a Task API', () => {
  test.each(['kill', 'restart'] as const)('misses nothing and gets nothing twice (%s)', async (way) => {
    const stage = await setUp();
    const { bot } = stage;
    const follow = (query = '') => new Follower(() => bot.url, query).start();
    const followers = await Promise.all([follow(), follow(), follow('?type=task.created')]);
    const submissions = submitting(bot);
    for (const times of [1, 2, 3]) {
      const { length } = submissions.accepted;
      await eventually('some tasks', () => submissions.accepted.length > length + 20);
      await stage[way]();
      await eventually('their return', () => followers.every(({ ends }) => ends.length >= times));
    }
    await submissions.stop();
    const [last] = (await bot.get('/events?limit=1')).events as unknown as { seq: number }[];
    for (const follower of followers) {
      await eventually('the last event', () => follower.ids.at(-1) === last?.seq);
      expect(follower.ids).toEqual(count(last?.seq ?? 0));
      const created = follower.data.map(({ taskId }) => taskId);
      expect(created).toEqual(expect.arrayContaining(submissions.accepted));
    }
    if (way === 'restart')
      expect(followers.flatMap(({ ends }) => [...new Set(ends)])).toEqual(Array(3).fill('ended'));
  });
});

/** In front of the Task API: adds the token, which an EventSource can't, and ends what has passed on an id when told. */
async function aProxy(url: string) {
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const headers = { ...request.headers, authorization: `Bearer ${TOKEN}` };
    const upstream = get(url + request.url, { headers }, (answer) => {
      const passed = (part: Buffer) => part.includes('id: ') && open.add(response);
      answer.on('error', () => {}).on('data', passed);
      answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers));
    });
    response.once('close', () => upstream.on('error', () => {}).destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const end = () => {
    for (const response of open) response.end();
    open.clear();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open, end };
}

test("an EventSource that got nothing yet misses nothing when it comes back (Node's own, of undici)", async () => {
  const { bot } = await setUp();
  await bot.post('/worker/event', { type: 'before' });
  const proxy = await aProxy(bot.url);
  const script = `
    const source = new EventSource('${proxy.url}/events/stream');
    source.onopen = () => console.log('opened');
    source.onerror = () => console.log('broken');
    for (const type of ['before', 'meanwhile', 'after'])
      source.addEventListener(type, ({ type, lastEventId }) => console.log(type, lastEventId));
    // While it waits to come back, it keeps no process alive.
    setInterval(() => {}, 60_000);`;
  const args = ['--experimental-eventsource', '--no-warnings', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await eventually('its stream', () => lines.includes('opened') && proxy.open.size > 0);
  proxy.end();
  await eventually('its end', () => lines.includes('broken'));
  await bot.post('/worker/event', { type: 'meanwhile' });
  await eventually('what it missed', () => lines.includes('meanwhile 2'));
  await bot.post('/worker/event', { type: 'after' });
  await eventually('what followed', () => lines.includes('after 3'));
  expect(lines).toEqual(['opened', 'broken', 'opened', 'meanwhile 2', 'after 3']);
});

test('a thousand readers at once each get every event, and hold up no stop', async () => {
  const { bot, restart } = await setUp();
  const followers = await Promise.all(count(1_000).map(() => new Follower(() => bot.url).start()));
  await Promise.all(count(50).map(() => bot.post('/tasks', { command: 'true' })));
  await restart();
  await bot.post('/tasks', { command: 'true' });
  for (const follower of followers) {
    await eventually('the last event', () => follower.ids.length >= 51);
    expect(follower.ids).toEqual(count(51));
    expect(follower.ends).toEqual(['ended']);
  }
});
