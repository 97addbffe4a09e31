/** Every route of the product's own table × every way to come without the right token. A new route is in it by itself. */
import { describe, expect, it } from 'vitest';
import { type Ask, bind, prepare } from '../fuzz/errands.ts';
import { Random } from '../fuzz/random.ts';
import { requestOf, validValues } from '../fuzz/requests.ts';
import { type Target, targets } from '../fuzz/route-table.ts';
import { type Answer, type Api, startApi, TOKEN } from '../support/http.ts';
import { roomFor, telling } from '../support/queue.ts';

const MARKER = 'auth-matrix';
const WRONG: Record<string, string | undefined> = {
  'no token': undefined,
  'an empty one': 'Bearer ',
  'a wrong one': 'Bearer a-wrong-token-0123456789',
  'one character more': `Bearer ${TOKEN}x`,
  'one character less': `Bearer ${TOKEN.slice(0, -1)}`,
  'another case': `Bearer ${TOKEN.toUpperCase()}`,
  'the right one as Basic': `Basic ${TOKEN}`,
  'the right one, bare': TOKEN,
};
const UNAUTHORIZED = { error: 'Unauthorized', code: 'unauthorized' };

/** What the world would see of a request that was carried out. */
interface World {
  api: Api;
  /** The valid request of the route, everything that it needs being there. */
  send(authorization: string | undefined, method?: string): Promise<Answer>;
  /** Tasks with their states, events, sessions, schedules, callbacks, counts, messages sent. */
  everything(): string;
}

async function world(target: Target): Promise<World> {
  const sent: string[] = [];
  const notify = async (channel: string) => void sent.push(channel);
  const api = await startApi({ deps: { notify }, engine: { composeCallback: telling(() => 'a message') } });
  const { outbox } = api.queue;
  // In place of the dispatcher, for whom no message ever arrives.
  outbox.onDue(async () => {
    for (const { id } of await outbox.take(roomFor(10))) await outbox.bury(id, 'HTTP 404');
  });
  const ask: Ask = (method, path, body) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
    return api.send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  };
  const binding = await prepare(target.need, ask, MARKER);
  const { path, body } = requestOf(target, validValues(target, new Random(1), MARKER));
  const send: World['send'] = (authorization, method = target.method) => {
    const headers = {
      'Content-Type': 'application/json',
      ...(authorization !== undefined && { authorization }),
    };
    const hasBody = method === target.method && typeof body === 'string';
    const content = hasBody ? { body: bind(body, binding) } : {};
    return api.send(bind(path, binding), { method, headers, ...content });
  };
  const everything = () => {
    const { queue } = api;
    const { tasks } = queue.list({ limit: 500 });
    const counts = [queue.stats(), queue.sessionStats(), queue.outbox.counts()];
    return JSON.stringify([
      tasks,
      queue.events.list({ limit: 500 }),
      queue.sessions({ limit: 500 }),
      queue.schedules.list(),
      queue.outbox.list({ limit: 500 }),
      counts,
      sent,
    ]);
  };
  return { api, send, everything };
}

const TARGETS = targets();
const takenBy = (path: string) =>
  new Set<string>(TARGETS.filter((target) => target.path === path).map(({ method }) => method));
const named = (which: Target[]) =>
  which.map((target) => [`${target.method} ${target.path}`, target] as const);

describe.each(named(TARGETS))('%s', (_, target) => {
  it('takes the right token', async () => {
    const { send } = await world(target);
    const answer = await send(`Bearer ${TOKEN}`);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
  });

  it('does nothing for OPTIONS and methods that it does not take, with and without a token', async () => {
    const { send, everything } = await world(target);
    const before = everything();
    for (const authorization of [undefined, `Bearer ${TOKEN}`]) {
      expect((await send(authorization, 'OPTIONS')).status).toBe(200);
      for (const method of ['PUT', 'PATCH', 'DELETE'].filter((name) => !takenBy(target.path).has(name)))
        expect((await send(authorization, method)).status).toBe(405);
    }
    expect(everything()).toBe(before);
  });
});

describe.each(named(TARGETS.filter(({ open }) => !open)))('%s', (_, target) => {
  it.each(Object.entries(WRONG))('refuses %s, and does nothing', async (__, authorization) => {
    const { send, everything } = await world(target);
    const before = everything();
    const methods = target.method === 'GET' ? ['GET', 'HEAD'] : [target.method];
    for (const method of methods) {
      const answer = await send(authorization, method);
      expect([method, answer.status]).toEqual([method, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      if (method !== 'HEAD') expect(answer.body).toEqual(UNAUTHORIZED);
    }
    expect(everything()).toBe(before);
  });
});

describe.each(named(TARGETS.filter(({ open }) => open)))('%s', (_, target) => {
  it('is answered without a token, and shows nothing of this machine then', async () => {
    const { api, send } = await world(target);
    for (const authorization of Object.values(WRONG)) {
      const answer = await send(authorization);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain(api.folder);
    }
  });
});

it('leaves open what monitors ask for, and nothing else', () => {
  expect(TARGETS.filter(({ open }) => open).map(({ path }) => path)).toEqual(['/health', '/ready']);
});
