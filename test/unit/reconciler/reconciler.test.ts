import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Upkeep } from '../../../src/queue/index.ts';
import type { Duty } from '../../../src/reconciler/duty.ts';
import { Reconciler } from '../../../src/reconciler/reconciler.ts';
import { keptLog, silentLog } from '../../support/log-lines.ts';

const HOUR = 3_600_000;
const upkeep = {} as Upkeep;
/** For `vi.waitFor`, whose own limit is a second: too short for a loaded machine. */
const WAIT = { interval: 2, timeout: 10_000 };

/** A duty of every second that counts its runs, and does `what` in each. */
function counting(name: string, what: () => Promise<number> = async () => 0, cron = '* * * * * *') {
  const duty = {
    name,
    cron,
    runs: 0,
    run: () => {
      duty.runs++;
      return what();
    },
  };
  return duty;
}

function reconcilerOf(duties: readonly Duty[], log = silentLog()): Reconciler {
  return new Reconciler({ upkeep, log, duties });
}

describe('by schedule', () => {
  let reconciler: Reconciler | undefined;
  const started = (duties: readonly Duty[], log = silentLog()) => {
    reconciler = reconcilerOf(duties, log);
    reconciler.start();
  };

  // croner reads the clock on the wall and Node's timers itself.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
  afterEach(async () => {
    await reconciler?.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('runs each duty at its own pace', async () => {
    const often = counting('often');
    const seldom = counting('seldom', undefined, '*/5 * * * * *');
    started([often, seldom]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(often.runs).toBe(20);
    expect(seldom.runs).toBe(4);
  });

  it('goes on within two seconds when the clock is set back by an hour', async () => {
    const duty = counting('duty');
    started([duty]);
    await vi.advanceTimersByTimeAsync(3_000);
    vi.setSystemTime(Date.now() - HOUR);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(duty.runs).toBeGreaterThanOrEqual(11);
  });

  it('goes on within its interval, or half a minute if that is shorter, when a duty is rare', async () => {
    const duty = counting('duty', undefined, '0 * * * * *');
    started([duty]);
    await vi.advanceTimersByTimeAsync(61_000);
    const before = duty.runs;
    vi.setSystemTime(Date.now() - HOUR);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(duty.runs).toBeGreaterThan(before);
  });

  it('does not make up for the time that a clock set forward skipped', async () => {
    const duty = counting('duty');
    started([duty]);
    await vi.advanceTimersByTimeAsync(3_000);
    vi.setSystemTime(Date.now() + HOUR);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(duty.runs).toBeGreaterThanOrEqual(12);
    expect(duty.runs).toBeLessThanOrEqual(15);
  });

  it('never runs a duty beside itself, however long it takes, and others beside it', async () => {
    let finish = (_changed: number): void => {};
    const slow = counting('slow', () => new Promise((resolve) => (finish = resolve)));
    const quick = counting('quick');
    started([slow, quick]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(slow.runs).toBe(1);
    expect(quick.runs).toBe(10);
    finish(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(slow.runs).toBe(2);
    finish(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(slow.runs).toBe(2);
  });

  it('logs a failing duty once, keeps the others going, and says when it works again', async () => {
    let isBroken = true;
    const duty = counting('duty', () =>
      isBroken ? Promise.reject(new Error('disk full')) : Promise.resolve(0),
    );
    const other = counting('other');
    const { log, lines } = keptLog();
    started([duty, other], log);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(lines).toMatchObject([{ level: 'error', duty: 'duty', err: { message: 'disk full' } }]);
    isBroken = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(lines.slice(1)).toMatchObject([{ level: 'info', duty: 'duty', msg: 'duty works again' }]);
    expect([duty.runs, other.runs]).toEqual([7, 7]);
  });
});

describe('by hand', () => {
  it('runs one duty and says how many rows it changed', async () => {
    const [one, other] = [counting('one', async () => 7), counting('other')];
    expect(await reconcilerOf([one, other]).run('one')).toBe(7);
    expect([one.runs, other.runs]).toEqual([1, 0]);
  });

  it('runs after the run that is under way, not beside it', async () => {
    const finishes: ((changed: number) => void)[] = [];
    const duty = counting('duty', () => new Promise((resolve) => finishes.push(resolve)));
    const reconciler = reconcilerOf([duty]);
    const first = reconciler.run('duty');
    const second = reconciler.run('duty');
    await vi.waitFor(() => expect(finishes).toHaveLength(1), WAIT);
    finishes[0]!(1);
    expect(await first).toBe(1);
    await vi.waitFor(() => expect(finishes).toHaveLength(2), WAIT);
    finishes[1]!(2);
    expect(await second).toBe(2);
  });

  it('fails as the duty does, and runs again afterwards', async () => {
    let isBroken = true;
    const duty = counting('duty', () =>
      isBroken ? Promise.reject(new Error('disk full')) : Promise.resolve(1),
    );
    const reconciler = reconcilerOf([duty]);
    await expect(reconciler.run('duty')).rejects.toThrow('disk full');
    isBroken = false;
    expect(await reconciler.run('duty')).toBe(1);
  });

  it('knows its duties', async () => {
    await expect(reconcilerOf([]).run('sweeping')).rejects.toThrow('There is no duty "sweeping".');
  });

  it('runs all of them once, in their order', async () => {
    const order: string[] = [];
    const named = (name: string) => counting(name, async () => order.push(name));
    await reconcilerOf([named('b'), named('a'), named('c')]).runAll();
    expect(order).toEqual(['b', 'a', 'c']);
  });
});

it('stops only when what runs has ended', async () => {
  let finish = (_changed: number): void => {};
  const duty = counting('duty', () => new Promise((resolve) => (finish = resolve)));
  const reconciler = reconcilerOf([duty]);
  const run = reconciler.run('duty');
  await vi.waitFor(() => expect(duty.runs).toBe(1), WAIT);
  let hasStopped = false;
  const stop = reconciler.stop().then(() => (hasStopped = true));
  await nextTurn();
  expect(hasStopped).toBe(false);
  finish(0);
  await Promise.all([run, stop]);
  expect(hasStopped).toBe(true);
});
