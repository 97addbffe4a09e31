/** What the chaos run sees of callbacks: that its checkers see what they are there to see, and that its far servers misbehave. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Event } from '../../src/queue/events.ts';
import type { JsonObject, Result } from '../../src/queue/task.ts';
import { BREAKS } from '../chaos/breaks.ts';
import { type Callback, callbacksBy } from '../chaos/callbacks.ts';
import { type CallbackFindings, calledIn, isTold, judgeCallbacks } from '../chaos/channels.ts';
import { FarServers } from '../chaos/far-servers.ts';
import type { Acknowledged } from '../chaos/judge.ts';
import { lifeAt, workOf } from '../chaos/lives.ts';
import { aWork, workAt } from '../chaos/work.ts';
import { brokenProduct } from '../support/sabotage.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PLACES = {
  discord: { kind: 'discord', target: '1' },
  telegram: { kind: 'telegram', target: '-2' },
  webhook: { kind: 'webhook', target: 'http://127.0.0.1/3' },
} satisfies Record<string, Callback>;
type Kind = keyof typeof PLACES;

/** The name of an attempt. */
function attempt(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** The words behind the name, some of them. */
function words(number: number, from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, at) => `${attempt(number)}.${from + at}`).join(' ');
}

interface Outcome {
  seq: number;
  stdout: string;
  /** Null: it is completed. */
  error?: string | null;
}

/** A task that has ended so, the last time with its result. */
function aTask(number: number, kind: Kind | null, ...outcomes: Outcome[]): Acknowledged {
  const place = { marks: '/nowhere', lane: { name: 'lane', kind: 'loose' as const }, index: number };
  const callbackOf = () => (kind === null ? null : PLACES[kind]);
  const doing = { beats: { first: 1, later: 1 }, exitCode: 0 };
  const endings = outcomes.map(({ seq, error = null }) => {
    const type = error === null ? 'task.completed' : 'task.failed';
    return { seq, type, details: { exitCode: error === null ? 0 : 3, error } } as unknown as Event;
  });
  return {
    work: aWork({ ...place, callbackOf }, doing),
    taskId: `id-${number}`,
    told: outcomes.slice(0, -1).map(({ stdout }) => ({ exitCode: 3, stdout })),
    result: { stdout: outcomes.at(-1)?.stdout ?? '' } as Result,
    events: endings,
  } as unknown as Acknowledged;
}

function well(number: number, kind: Kind | null = 'discord', seq = number): Acknowledged {
  return aTask(number, kind, { seq, stdout: `${attempt(number)}\n` });
}

function delivery(number: number, stdout: string, error: string | null = null): string {
  const type = error === null ? 'task.completed' : 'task.failed';
  return JSON.stringify({ type, data: { task: { taskId: `id-${number}` }, result: { stdout, error } } });
}

interface Look {
  kind?: Kind;
  mayRepeat?: number;
  dead?: Map<string, string>;
}

function called(messages: readonly string[], { kind = 'discord', mayRepeat = 0, dead = new Map() }: Look) {
  const { target } = PLACES[kind];
  return { channels: [{ name: `${kind} ${target}`, kind, messages, mayRepeat }], dead };
}

function found(tasks: Acknowledged[], messages: readonly string[], look: Look = {}) {
  const findings = judgeCallbacks(tasks, called(messages, look));
  return Object.fromEntries(
    Object.entries(findings).filter(([, all]) => all.length > 0),
  ) as Partial<CallbackFindings>;
}

const THREE = [well(1), well(2), well(3)];
const LONG = aTask(2, 'discord', { seq: 2, stdout: `${attempt(2)}\n${words(2, 1, 60)}` });
const PIECES = [`${attempt(2)}\n${words(2, 1, 20)}`, words(2, 21, 40), words(2, 41, 60)];
const CANCELLED = '❌ Command failed (2s)\ncancelled';

describe('callbacks without a fault', () => {
  test.each<[string, Acknowledged[], string[], Kind?]>([
    ['three tasks, in the order in which they ended', THREE, [1, 2, 3].map(attempt)],
    ['tasks that were submitted in another order', [well(1, 'discord', 9), well(2)], [2, 1].map(attempt)],
    ['one that asked for none', [well(1), well(2, null)], [attempt(1)]],
    ['one that asked for another channel', [well(1), well(2, 'telegram')], [attempt(1)]],
    ['a long one between two others', [well(1), LONG, well(3)], [attempt(1), ...PIECES, attempt(3)]],
    [
      'failures with an output, with none, and of an AI CLI',
      [
        aTask(1, 'discord', { seq: 1, stdout: attempt(1), error: 'exit code 3' }),
        aTask(2, 'discord', { seq: 2, stdout: '', error: 'cancelled' }),
        aTask(3, 'discord', { seq: 3, stdout: '', error: 'lost with its runner 3 times' }),
      ],
      [
        `❌ Command failed (1s)\nexit code 3\n\n${attempt(1)}`,
        CANCELLED,
        '❌ CC failed (9s)\nclient-1\nlost with its runner 3 times',
      ],
    ],
    [
      'one that failed, and was started anew',
      [
        aTask(
          1,
          'discord',
          { seq: 1, stdout: attempt(1), error: 'exit code 3' },
          { seq: 3, stdout: attempt(7) },
        ),
        well(2),
      ],
      [`❌ Command failed (1s)\n${attempt(1)}`, attempt(2), attempt(7)],
    ],
    [
      'webhooks',
      [well(1, 'webhook'), aTask(2, 'webhook', { seq: 2, stdout: '', error: 'cancelled' })],
      [delivery(1, `${attempt(1)}\n`), delivery(2, '', 'cancelled')],
      'webhook',
    ],
  ])('%s', (_, tasks, messages, kind = 'discord') => {
    expect(found(tasks, messages, { kind })).toEqual({});
  });

  test('are counted, each outcome once', () => {
    const twice = aTask(
      4,
      'discord',
      { seq: 4, stdout: attempt(4), error: 'no' },
      { seq: 5, stdout: attempt(5) },
    );
    expect(calledIn([...THREE, well(6, null), twice], called([1, 2].map(attempt), {}))).toMatchObject({
      callbacksOwed: 5,
      callbackMessages: 2,
    });
  });
});

describe('a fault of callbacks', () => {
  const named = (number: number) => expect.stringContaining(`lane.${number} (id-${number}`);

  test.each<[string, Acknowledged[], string[], number[], Kind?]>([
    ['never comes', THREE, [1, 3].map(attempt), [2]],
    ['comes without its second piece', [LONG], PIECES.toSpliced(1, 1), [2]],
    ['comes without its end', [LONG], PIECES.slice(0, 2), [2]],
    ['breaks off within a piece', [LONG], [...PIECES.slice(0, 2), words(2, 41, 59)], [2]],
    [
      'tells only of its second outcome',
      [aTask(2, 'discord', { seq: 2, stdout: attempt(1), error: 'no' }, { seq: 3, stdout: attempt(2) })],
      [attempt(2)],
      [2],
    ],
    [
      'was cancelled, and only one of two is told of',
      [1, 2].map((number) => aTask(number, 'discord', { seq: number, stdout: '', error: 'cancelled' })),
      [CANCELLED],
      [2],
    ],
    [
      'is never delivered to a webhook',
      [1, 2].map((number) => well(number, 'webhook')),
      [delivery(1, `${attempt(1)}\n`)],
      [2],
      'webhook',
    ],
  ])('callbacksMissing: one that %s', (_, tasks, messages, missing, kind = 'discord') => {
    expect(found(tasks, messages, { kind })).toEqual({ callbacksMissing: missing.map(named) });
  });

  test('callbacksMissing: one that was given up, and why', () => {
    expect(found([well(1)], [], { dead: new Map([['id-1', 'HTTP 500']]) })).toEqual({
      callbacksMissing: ['discord 1: lane.1 (id-1, given up: HTTP 500) never came, or not as a whole'],
    });
  });

  test.each<[string, Acknowledged[], string[], unknown[], Kind?]>([
    ['comes twice', THREE, [1, 2, 2, 3].map(attempt), [named(2)]],
    ['comes again behind others', THREE, [1, 2, 3, 1].map(attempt), [named(1)]],
    [
      'comes with a piece twice',
      [LONG],
      [PIECES[0], PIECES[1], PIECES[1], PIECES[2]].map(String),
      [named(2)],
    ],
    [
      'nobody asked for',
      [well(1), well(2, null)],
      [1, 2].map(attempt),
      [expect.stringContaining(`nobody's “${attempt(2)}”`)],
    ],
    [
      'tells twice of a task that was cancelled once',
      [aTask(1, 'discord', { seq: 1, stdout: '', error: 'cancelled' })],
      [CANCELLED, CANCELLED],
      [named(1)],
    ],
    [
      'is delivered to a webhook under two ids',
      [well(1, 'webhook')],
      Array(2).fill(delivery(1, `${attempt(1)}\n`)),
      [named(1)],
      'webhook',
    ],
  ])('callbacksDoubled: one that %s', (_, tasks, messages, doubled, kind = 'discord') => {
    expect(found(tasks, messages, { kind })).toEqual({ callbacksDoubled: doubled });
  });

  test('callbacksDoubled: on Telegram only what no lost answer explains', () => {
    const tasks = [1, 2].map((number) => well(number, 'telegram'));
    const messages = [1, 1, 2, 2].map(attempt);
    expect(found(tasks, messages, { kind: 'telegram', mayRepeat: 2 })).toEqual({});
    expect(found(tasks, messages, { kind: 'telegram', mayRepeat: 1 }).callbacksDoubled).toHaveLength(1);
    const twice = called(messages, { kind: 'telegram', mayRepeat: 3 });
    expect(calledIn(tasks, twice)).toMatchObject({ callbacksRepeated: 2 });
  });

  test('on Telegram one that comes again is not taken for a later one that says the same', () => {
    const cancelled = (number: number) =>
      aTask(number, 'telegram', { seq: number, stdout: '', error: 'cancelled' });
    const tasks = [cancelled(1), well(2, 'telegram'), cancelled(3), well(4, 'telegram')];
    const look = (mayRepeat: number) => ({ kind: 'telegram', mayRepeat }) as const;
    const messages = [CANCELLED, CANCELLED, attempt(2), CANCELLED, attempt(4)];
    expect(found(tasks, messages, look(1))).toEqual({});
    expect(calledIn(tasks, called(messages, look(1)))).toMatchObject({ callbacksRepeated: 1 });
    expect(found(tasks, messages, look(0))).toHaveProperty('callbacksOutOfOrder');
    // What was overtaken stays a fault.
    const overtaken = [CANCELLED, CANCELLED, attempt(2), attempt(4)];
    expect(found(tasks, overtaken, look(1)).callbacksMissing).toHaveLength(1);
  });

  test.each<[string, Acknowledged[], string[], number[], Kind?]>([
    ['comes behind a later one', THREE, [1, 3, 2].map(attempt), [2]],
    [
      'comes between the pieces of another',
      [well(1), LONG, well(3)],
      [attempt(1), ...PIECES.toSpliced(1, 0, attempt(3))],
      [2],
    ],
    ['has its pieces in another order', [LONG], [PIECES[0], PIECES[2], PIECES[1]].map(String), [2]],
    [
      'is overtaken on its way to a webhook',
      [1, 2].map((number) => well(number, 'webhook')),
      [2, 1].map((number) => delivery(number, `${attempt(number)}\n`)),
      [1],
      'webhook',
    ],
  ])('callbacksOutOfOrder: one that %s', (_, tasks, messages, late, kind = 'discord') => {
    expect(found(tasks, messages, { kind })).toEqual({ callbacksOutOfOrder: late.map(named) });
  });

  test('of its events: that it was sent is told as often as it is owed', () => {
    const sent = { seq: 9, type: 'callback.sent' } as Event;
    const told = (task: Acknowledged, ...more: Event[]) =>
      isTold({ ...task, events: [...task.events, ...more] });
    expect([told(well(1)), told(well(1), sent), told(well(1), sent, sent)]).toEqual([false, true, false]);
    expect([told(well(1, null)), told(well(1, null), sent)]).toEqual([true, false]);
  });
});

describe('who is told', () => {
  const callbackOf = callbacksBy(1, Object.values(PLACES));
  const ground = { marks: '/m', callbackOf };

  test('follows from the seed and the key, whatever else is known of the task', () => {
    const lane = { name: 'client-1-loose-0', kind: 'loose' as const };
    const works = Array.from({ length: 60 }, (_, index) => workAt(1, { ...ground, lane, index }));
    expect(works).toEqual(works.map(({ index }) => workAt(1, { ...ground, lane, index })));
    const callbacks = works.map(({ key, body }) => [body.callback ?? null, callbackOf(key)]);
    for (const [of, expected] of callbacks) expect(of).toEqual(expected);
    expect(new Set(callbacks.map(([of]) => of))).toEqual(new Set([null, ...Object.values(PLACES)]));
  });

  test('is the same for all that come of a schedule, before and after an edit', () => {
    const kinds = ['line', 'prompt'] as const;
    const places = kinds.flatMap((kind) =>
      Array.from({ length: 10 }, (_, index) => ({
        ...ground,
        lane: { name: `client-1-schedule-${kind}`, kind },
        index,
      })),
    );
    for (const place of places) {
      const tasks = lifeAt(1, place).steps.flatMap(({ body }) => body?.task ?? []);
      const { callback } = workOf(place).body;
      for (const task of tasks) expect((task as JsonObject).callback).toEqual(callback);
    }
    expect(new Set(places.map((place) => workOf(place).body.callback)).size).toBeGreaterThan(2);
  });
});

describe('the far servers', () => {
  async function open(): Promise<FarServers> {
    const far = new FarServers(1);
    await far.open();
    onTestFinished(() => far.close());
    return far;
  }

  /** Status, or what the request ended with. */
  async function post(far: FarServers, target: string, nonce: string): Promise<number | 'no answer'> {
    const url = `${far.environment.CALLBACK_API_BASE_URL}/channels/${target}/messages`;
    const body = JSON.stringify({ content: nonce, nonce, enforce_nonce: true });
    const answer = await fetch(url, { method: 'POST', body }).catch(() => null);
    await answer?.text();
    return answer?.status ?? 'no answer';
  }

  test('misbehave until they are calm; then everything is taken, and seen in its channel', async () => {
    const far = await open();
    const answers: (number | 'no answer')[] = [];
    for (let nonce = 0; nonce < 60; nonce++) answers.push(await post(far, '101', String(nonce)));
    expect(new Set(answers)).toEqual(new Set([200, 429, 500, 503, 'no answer']));
    expect(far.troubles).toBeGreaterThan(5);

    far.calm();
    // The one that was drawn already.
    await post(far, '102', 'first');
    const calm = [];
    for (let nonce = 0; nonce < 20; nonce++) calm.push(await post(far, '103', String(nonce)));
    expect(new Set(calm)).toEqual(new Set([200]));
    const { messages } = far.channels(0).find(({ name }) => name === 'discord 101/103') ?? {};
    expect(messages).toEqual(Array.from({ length: 20 }, (_, nonce) => String(nonce)));
  });

  test('are several chats and receivers of webhooks, of which only Telegram may repeat', async () => {
    const far = await open();
    const channels = far.channels(3);
    expect(new Set(channels.map(({ name }) => name)).size).toBe(far.destinations.length);
    expect(channels.filter(({ mayRepeat }) => mayRepeat > 0).map(({ kind }) => kind)).toEqual(['telegram']);
  });
});

describe('a break of callbacks', () => {
  test.each(['outbox', 'chunk', 'nonce', 'head'] as const)('%s still finds what it breaks', (name) => {
    expect(() => brokenProduct(join(tempFolder(), 'product'), BREAKS[name])).not.toThrow();
  });
});
