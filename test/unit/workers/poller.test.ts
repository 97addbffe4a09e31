import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { PolledTask } from '../../../src/http/contract/payload.ts';
import { createApiClient } from '../../../src/workers/api-client.ts';
import { Poller } from '../../../src/workers/poller.ts';
import { Slots } from '../../../src/workers/slots.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeTaskApi, type Fate, TOKEN } from '../../support/fake-task-api.ts';
import { keptLog } from '../../support/log-lines.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const INTERVAL_MS = 500;
const REQUEST_MS = 40_000;

/** Remembers the rests between polls, and fires none of them by itself. */
class PollClock extends ManualClock {
  readonly rests: number[] = [];

  override after(ms: number, fn: () => void): () => void {
    if (ms !== REQUEST_MS) this.rests.push(ms);
    return super.after(ms, fn);
  }
}

let api: FakeTaskApi;
let clock: PollClock;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  clock = new PollClock();
});

/** Against `api`, as it is set up by then. */
function startPolling(slotCount = 3) {
  const { log, lines } = keptLog();
  const slots = new Slots({
    count: slotCount,
    types: ['command'],
    limitOf: () => undefined,
    onRoom: () => {},
  });
  const over = new AbortController();
  const tasks: PolledTask[] = [];
  const finish: (() => void)[] = [];
  const state = { obstacle: null as string | null, superseded: 0, hurried: 0, types: 'command' };
  const poller = new Poller({
    api: createApiClient({ url: api.url, token: TOKEN, clock }),
    slots,
    clock,
    log,
    query: () => ({ wait: 30_000, runnerId: 'runner-1', instanceId: 'instance-1', types: state.types }),
    pollIntervalMs: INTERVAL_MS,
    obstacle: () => state.obstacle,
    onTasks: (claimed) => {
      for (const task of claimed) {
        tasks.push(task);
        slots.run(task.type, () => new Promise((resolve) => finish.push(resolve)));
      }
    },
    onHurried: () => {
      state.hurried += 1;
    },
    onSuperseded: () => {
      state.superseded += 1;
      over.abort();
    },
  });
  const done = poller.run(over.signal);
  onTestFinished(async () => {
    over.abort();
    await done;
    for (const end of finish) end();
    await api.stop();
  });
  return { tasks, finish, lines, over, done, state, poller };
}

const rest = (count: number) => eventually(`rest ${count}`, () => clock.rests.length >= count);
const polls = (count: number) => api.until(() => api.seen.poll >= count);

describe('a poll', () => {
  test('says who asks and how many tasks it can take', async () => {
    startPolling();
    await polls(1);
    expect(Object.fromEntries(api.polls[0]!)).toEqual({
      wait: '30000',
      max: '3',
      runnerId: 'runner-1',
      instanceId: 'instance-1',
      types: 'command',
    });
  });

  test('follows a claim at once, until the slots are full; then the end of a task', async () => {
    const { tasks, finish } = startPolling(2);
    await polls(1);
    api.command('a');
    await polls(2);
    expect(api.polls[1]?.get('max')).toBe('1');
    api.command('b');
    await eventually('both tasks', () => tasks.length === 2);
    expect(api.seen.poll).toBe(2);
    finish[0]?.();
    await polls(3);
    expect(api.polls[2]?.get('max')).toBe('1');
    expect(clock.rests).toEqual([]);
  });

  test('takes as many tasks from one answer as there are slots', async () => {
    for (const text of ['a', 'b', 'c', 'd']) api.command(text);
    const { tasks } = startPolling(3);
    await eventually('three tasks', () => tasks.length === 3);
    expect(api.seen.poll).toBe(1);
  });

  test('takes one task or none from an older Task API', async () => {
    await api.stop();
    api = await FakeTaskApi.start('older');
    api.next('poll', { status: 200, body: null });
    api.command('a');
    api.command('b');
    const { tasks } = startPolling();
    await rest(1);
    clock.advance(INTERVAL_MS);
    await eventually('both tasks', () => tasks.length === 2);
    expect(tasks.map((task) => task.leaseId)).toEqual([undefined, undefined]);
  });

  test.each([
    ['at once', 0, 1],
    ['a second before its time', 29_000, 0],
    ['in time', 30_000, 0],
  ])('that brings nothing %s asks for a heartbeat, if any', async (_, waitedMs, hurried) => {
    const { state } = startPolling();
    await polls(1);
    clock.advance(waitedMs);
    api.dismiss();
    await rest(1);
    expect(state.hurried).toBe(hurried);
  });

  test('that brings nothing at once is not followed by another at once', async () => {
    api.next('poll', { status: 200, body: [] }, { status: 200, body: [] });
    startPolling();
    await rest(1);
    expect(api.seen.poll).toBe(1);
    clock.advance(INTERVAL_MS);
    await rest(2);
    expect(api.seen.poll).toBe(2);
    expect(clock.rests).toEqual([INTERVAL_MS, INTERVAL_MS]);
  });

  test('is not made while its results might be lost, and that is said once', async () => {
    const { state, lines } = startPolling();
    await polls(1);
    state.obstacle = 'the disk is full';
    api.command('the last one');
    for (let count = 1; count <= 5; count += 1) {
      await rest(count);
      expect(api.seen.poll).toBe(1);
      if (count === 5) state.obstacle = null;
      clock.advance(INTERVAL_MS);
    }
    await polls(2);
    expect(lines).toMatchObject([
      { level: 'warn', reason: 'the disk is full', msg: 'this runner takes no work for now' },
      { level: 'info', msg: 'this runner takes work again' },
    ]);
  });
});

describe('a poll that is renewed', () => {
  test('replaces the one that waits, at once, and asks for what may be asked for then', async () => {
    const { poller, state, tasks } = startPolling();
    await polls(1);
    state.types = 'file-read';
    poller.renew();
    await polls(2);
    expect(api.polls.map((query) => query.get('types'))).toEqual(['command', 'file-read']);
    api.command('a');
    api.command('b');
    await eventually('both tasks', () => tasks.length === 2);
  });

  test('loses nothing that the one before brings', async () => {
    const { poller, tasks } = startPolling();
    await polls(1);
    poller.renew();
    await polls(2);
    api.command('for the first');
    await eventually('the task', () => tasks.length === 1);
  });

  test('follows what failed without a rest', async () => {
    api.next('poll', 'reset');
    const { poller } = startPolling();
    await rest(1);
    poller.renew();
    await polls(2);
  });
});

describe('a poll that fails', () => {
  test.each([
    ['500', { status: 500, body: '<html>' }],
    ['502', { status: 502, body: '<html>' }],
    ['503', { status: 503, body: { error: 'disk', code: 'storage_unavailable' } }],
    ['429', { status: 429, body: '' }],
    ['401', { status: 401, body: { error: 'Unauthorized', code: 'unauthorized' } }],
    ['404', { status: 404, body: '<html>' }],
    ['400', { status: 400, body: { error: 'wait', code: 'invalid_field' } }],
    ['a page', { status: 200, body: '<html>sign in</html>' }],
    ['no task', { status: 200, body: { message: 'hello' } }],
    ['a reset', 'reset'],
  ] as [string, Fate][])('with %s is tried again, ever more slowly, for ever', async (_, fate) => {
    api.always = fate;
    const { lines } = startPolling();
    for (let count = 1; count <= 12; count += 1) {
      await rest(count);
      clock.advance(30_000);
    }
    for (const [index, ms] of clock.rests.slice(0, 12).entries()) {
      const full = Math.min(INTERVAL_MS * 2 ** index, 30_000);
      expect(ms).toBeGreaterThanOrEqual(full / 2);
      expect(ms).toBeLessThanOrEqual(full);
    }
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('is over as soon as the Task API answers', async () => {
    api.next('poll', 'reset');
    const { tasks, lines } = startPolling();
    api.command('a');
    await rest(1);
    clock.advance(30_000);
    await eventually('the task', () => tasks.length === 1);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('waits as long as it is told', async () => {
    api.next('poll', { status: 503, headers: { 'Retry-After': '17' } });
    startPolling();
    await rest(1);
    expect(clock.rests).toEqual([17_000]);
  });

  test('because a newer instance has taken over is the last one', async () => {
    api.next('poll', { status: 409, body: { error: 'taken over', code: 'superseded' } });
    const { done, state } = startPolling();
    await done;
    expect(state.superseded).toBe(1);
  });
});
