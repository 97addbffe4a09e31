import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type NewSchedule, openQueue, type Schedules } from '../../../src/queue/index.ts';
import { Scheduler } from '../../../src/reconciler/scheduler.ts';
import { eventually } from '../../support/eventually.ts';
import { silentLog } from '../../support/log-lines.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aCommand } from '../../support/queue.ts';
import { HOUR, SETTINGS } from '../../support/settings.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const SECOND = 1_000;

function hourly(change: Partial<NewSchedule> = {}): NewSchedule {
  const task = { shown: {}, template: aCommand() };
  const policies = { overlap: 'queue', missed: 'once', paused: false } as const;
  return { name: 'hourly', cron: '0 * * * *', timeZone: 'UTC', ...policies, task, ...change };
}

/** A scheduler at work on a real queue. */
async function atWork() {
  const folder = tempFolder();
  const clock = new ManualClock();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const queue = await openQueue({ ...SETTINGS, ...files, clock, log: silentLog() });
  const idle = clock.pending;
  const scheduler = new Scheduler({ schedules: queue.schedules, clock });
  scheduler.start();
  onTestFinished(async () => {
    await scheduler.stop();
    expect(clock.pending).toBe(idle);
    await queue.close();
  });
  const runs = () => queue.list({ limit: 500 }).tasks.length;
  /** Moves the clock in steps, and lets what falls due happen. */
  const pass = async (ms: number, step = ms) => {
    for (let passed = 0; passed < ms; passed += step) {
      clock.advance(step);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
  };
  return { clock, queue, scheduler, runs, pass, timers: () => clock.pending - idle };
}

it('waits without a timer while nothing will ever be due, and begins with the first schedule', async () => {
  const { queue, runs, pass, timers } = await atWork();
  expect(timers()).toBe(0);
  const { id } = await queue.schedules.create(hourly());
  expect(timers()).toBe(1);
  await pass(HOUR, 30 * SECOND);
  expect(runs()).toBe(1);
  await queue.schedules.edit(id, { paused: true });
  expect(timers()).toBe(0);
});

it('lets every occurrence pass in its second', async () => {
  const { queue, runs, pass } = await atWork();
  await queue.schedules.create(hourly({ cron: '*/2 * * * * *' }));
  await queue.schedules.create(hourly({ name: 'other', cron: '0 * * * * *' }));
  await pass(60 * SECOND, SECOND);
  expect(runs()).toBe(31);
});

it('notices within 30 seconds that the clock was set forward, and does nothing while it is set back', async () => {
  const { clock, queue, runs, pass } = await atWork();
  await queue.schedules.create(hourly());
  clock.jump(5 * HOUR + 60 * SECOND);
  await pass(29 * SECOND);
  expect(runs()).toBe(0);
  await pass(SECOND);
  expect(runs()).toBe(1);
  clock.jump(-5 * HOUR);
  await pass(4 * HOUR, 30 * SECOND);
  expect(runs()).toBe(1);
});

it('runs what was due before it was started', async () => {
  const { clock, queue, scheduler, runs } = await atWork();
  await scheduler.stop();
  await queue.schedules.create(hourly());
  clock.advance(2 * HOUR);
  const next = new Scheduler({ schedules: queue.schedules, clock });
  next.start();
  clock.advance(0);
  await eventually('the run', () => runs() === 1);
  await next.stop();
});

it('waits at its end for what is under way, and begins nothing after it', async () => {
  const clock = new ManualClock();
  const calls: string[] = [];
  const passing = Promise.withResolvers<void>();
  const schedules = {
    dueAt: () => clock.wall(),
    passDue: () => {
      calls.push('passDue');
      return passing.promise.then(() => void calls.push('passed'));
    },
    onChange: (listener: () => void) => {
      calls.push('subscribed');
      listener();
      return () => void calls.push('unsubscribed');
    },
  } as unknown as Schedules;
  const scheduler = new Scheduler({ schedules, clock });
  scheduler.start();
  clock.advance(0);
  const stopped = scheduler.stop().then(() => calls.push('stopped'));
  await nextTurn();
  passing.resolve();
  await stopped;
  clock.advance(HOUR);
  expect(calls).toEqual(['subscribed', 'passDue', 'unsubscribed', 'passed', 'stopped']);
  expect(clock.pending).toBe(0);
});
