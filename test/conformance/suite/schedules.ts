import { describe, expect, test } from 'vitest';
import type { NewSchedule, Once, Schedule } from '../../../src/queue/index.ts';
import { aCallback, aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const SECOND = 1_000;
/** The stage's clock begins at noon. */
const NOON = Date.UTC(2026, 10, 22, 12);
const HOURLY = '0 * * * *';
const ONCE: Once = { scope: 'a-token', key: 'order-1', route: '/schedules', bodyHash: 'abc' };

function aSchedule(change: Partial<NewSchedule> = {}): NewSchedule {
  return {
    name: 'report',
    cron: HOURLY,
    timeZone: 'UTC',
    overlap: 'skip',
    missed: 'skip',
    paused: false,
    task: { shown: { type: 'command', command: 'echo hello' }, template: aCommand() },
    ...change,
  };
}

/** Prompts in a conversation that is new each time. */
function freshPrompts(): NewSchedule['task'] {
  const template = aPrompt('any');
  const payload = { ...template.payload, sessionId: null };
  return { shown: {}, template: { ...template, payload, sessionId: null, sessionKey: null } };
}

/** A stage with one schedule. */
async function scheduled(engine: EngineUnderTest, change: Partial<NewSchedule> = {}) {
  const stage = await Stage.open(engine, { taskRetentionMs: 7 * DAY });
  const { id } = await stage.queue.schedules.create(aSchedule(change));
  return { stage, id, look: () => stage.queue.schedules.get(id) };
}

/** Lets time pass, then what is due. */
async function pass(stage: Stage, ms: number): Promise<void> {
  stage.clock.advance(ms);
  await passAll(stage);
}

async function passAll(stage: Stage): Promise<void> {
  const { schedules } = stage.queue;
  for (let rounds = 0; (schedules.dueAt() ?? Number.POSITIVE_INFINITY) <= stage.clock.wall(); rounds++) {
    if (rounds === 100) throw new Error('it never comes to an end');
    await schedules.passDue();
  }
}

function count(stage: Stage): number {
  return stage.queue.list({ limit: 500 }).tasks.length;
}

/** What is said of schedules, oldest first. */
function told(stage: Stage): { type: string; details: unknown }[] {
  const events = stage.queue.events.list({ limit: 500 }).reverse();
  return events
    .filter(({ type }) => type.startsWith('schedule.'))
    .map(({ type, details }) => ({ type, details }));
}

/** Claims and finishes everything. */
async function finishAll(stage: Stage): Promise<void> {
  for (let claims = await stage.take(A); claims.length > 0; claims = await stage.take(A))
    for (const claim of claims) await stage.finish(claim);
}

export function describeSchedules(engine: EngineUnderTest): void {
  describe('a schedule', () => {
    test('submits its task at each occurrence, once', async () => {
      const { stage, look } = await scheduled(engine);
      expect(look()).toMatchObject({ nextRunAt: NOON + HOUR, lastRunAt: null, lastTaskId: null });
      await pass(stage, HOUR - 1);
      expect(count(stage)).toBe(0);
      await pass(stage, 1);
      expect(count(stage)).toBe(1);
      const [task] = await stage.take(A);
      expect(task).toMatchObject({ type: 'command', payload: { command: 'echo hello' } });
      const ran = { nextRunAt: NOON + 2 * HOUR, lastRunAt: NOON + HOUR, lastTaskId: task?.id };
      expect(look()).toMatchObject(ran);
      await stage.queue.schedules.passDue();
      expect(count(stage)).toBe(1);
      await stage.finish(task!);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(2);
      expect(told(stage)).toEqual([]);
    });

    test('says of each task which occurrence it is for', async () => {
      const { stage, id } = await scheduled(engine, { overlap: 'queue' });
      await pass(stage, HOUR);
      await stage.queue.schedules.run(id);
      await pass(stage, HOUR);
      const created = stage.queue.events.list({ type: 'task.created', limit: 9 }).reverse();
      const from = (occurrence: number | null) => ({ scheduleId: id, name: 'report', occurrence });
      expect(created.map(({ details }) => details)).toEqual([
        from(NOON + HOUR),
        from(null),
        from(NOON + 2 * HOUR),
      ]);
    });

    test('wakes the runner that waits', async () => {
      const { stage, look } = await scheduled(engine);
      const poll = stage.poll(A);
      await stage.settle();
      await pass(stage, HOUR);
      expect((await poll.claims).map(({ id }) => id)).toEqual([look().lastTaskId]);
    });

    test('submits prompts: in one conversation, or in a new one each time', async () => {
      const { stage } = await scheduled(engine, { task: freshPrompts(), overlap: 'queue' });
      const fixed = { shown: {}, template: aPrompt('kitchen') };
      await stage.queue.schedules.create(aSchedule({ name: 'fixed', task: fixed, overlap: 'queue' }));
      await pass(stage, HOUR);
      await pass(stage, HOUR);
      const claims = await stage.take(A);
      const sessions = claims.map(({ payload }) => payload.sessionId);
      expect(new Set(sessions).size).toBe(3);
      for (const { id, payload } of claims) expect(stage.state(id).sessionId).toBe(payload.sessionId);
      expect(sessions.filter((session) => session === 'kitchen')).toHaveLength(1);
      expect(stage.queue.list({ limit: 9, sessionKey: 'claude-cli:kitchen' }).tasks).toHaveLength(2);
    });

    test('counts in its time zone, over the change of its clocks', async () => {
      const stage = await Stage.open(engine, { taskRetentionMs: 400 * DAY });
      stage.clock.advance(Date.UTC(2027, 2, 27, 12) - NOON);
      const daily = { cron: '30 2 * * *', timeZone: 'Europe/Berlin', overlap: 'queue' as const };
      const { id } = await stage.queue.schedules.create(aSchedule(daily));
      const runs: (number | null)[] = [];
      for (let hours = 0; hours < 60; hours++) {
        await pass(stage, HOUR / 2);
        runs.push(stage.queue.schedules.get(id).lastRunAt);
      }
      const times = [...new Set(runs.filter((at) => at !== null))];
      // Half past two does not exist on that day: it is three o'clock in the summer.
      expect(times).toEqual([Date.UTC(2027, 2, 28, 1)]);
      expect(stage.queue.schedules.get(id).nextRunAt).toBe(Date.UTC(2027, 2, 29, 0, 30));

      stage.clock.advance(Date.UTC(2027, 9, 30, 12) - stage.clock.wall());
      await passAll(stage);
      const before = count(stage);
      for (let hours = 0; hours < 60; hours++) await pass(stage, HOUR / 2);
      expect(count(stage)).toBe(before + 1);
      expect(stage.queue.schedules.get(id).lastRunAt).toBe(Date.UTC(2027, 9, 31, 0, 30));
    });

    test('that comes every second runs every second', async () => {
      const { stage } = await scheduled(engine, { cron: '* * * * * *', overlap: 'queue' });
      for (let second = 0; second < 5; second++) await pass(stage, SECOND);
      expect(count(stage)).toBe(5);
    });

    test('makes up for a moment of hesitation, occurrence by occurrence', async () => {
      const { stage } = await scheduled(engine, { cron: '* * * * * *', overlap: 'queue' });
      await pass(stage, 5 * SECOND);
      expect(count(stage)).toBe(5);
      expect(told(stage)).toEqual([]);
    });

    test('names its tasks as its own, in their states and in a list, whatever becomes of it', async () => {
      const { stage, id } = await scheduled(engine, { overlap: 'queue' });
      const other = await stage.submit(aCommand());
      const { taskId } = await stage.queue.schedules.run(id);
      await pass(stage, HOUR);
      const mine = () => stage.queue.list({ limit: 9, scheduleId: id }).tasks;
      expect(mine()).toMatchObject([
        { scheduleId: id, createdAt: NOON + HOUR },
        { scheduleId: id, taskId },
      ]);
      expect([stage.state(taskId).scheduleId, stage.state(other).scheduleId]).toEqual([id, null]);
      expect(stage.queue.list({ limit: 9, scheduleId: id, status: 'running' }).tasks).toEqual([]);
      expect(stage.queue.list({ limit: 9, scheduleId: 'no-such' }).tasks).toEqual([]);
      await stage.queue.schedules.remove(id);
      await stage.reopen();
      expect(mine()).toHaveLength(2);
    });

    test('that is due with others has its turn by the time of its occurrence, then by its age', async () => {
      const { stage } = await scheduled(engine, { name: 'first', cron: '*/20 * * * * *' });
      const { schedules } = stage.queue;
      for (const [name, cron] of [
        ['earlier', '10 * * * * *'],
        ['second', '*/20 * * * * *'],
      ] as const) {
        await schedules.create(
          aSchedule({ name, cron, task: { shown: {}, template: aCommand({ tags: [name] }) } }),
        );
      }
      const [first] = schedules.list().filter(({ name }) => name === 'first');
      await schedules.edit(first!.id, { paused: true });
      await schedules.edit(first!.id, { paused: false });
      stage.clock.advance(20 * SECOND);
      await schedules.passDue();
      const tags = stage.queue.list({ limit: 9 }).tasks.map((task) => task.tags[0]);
      expect(tags.reverse()).toEqual(['earlier', undefined, 'second']);
    });

    test('ends with its last occurrence', async () => {
      const { stage, look } = await scheduled(engine, { cron: '0 0 13 22 11 * 2026' });
      await pass(stage, HOUR);
      expect(look().nextRunAt).toBeNull();
      expect(stage.queue.schedules.dueAt()).toBeNull();
      await pass(stage, 2 * DAY);
      expect(count(stage)).toBe(1);
    });
  });

  describe('an occurrence while a task of the schedule is unfinished', () => {
    test('passes, with an event: skip', async () => {
      const { stage, id, look } = await scheduled(engine);
      await pass(stage, HOUR);
      const [claim] = await stage.take(A);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(1);
      const details = {
        scheduleId: id,
        name: 'report',
        occurrence: NOON + 2 * HOUR,
        unfinishedTaskId: claim?.id,
      };
      expect(told(stage)).toEqual([{ type: 'schedule.skipped', details }]);
      expect(look()).toMatchObject({ nextRunAt: NOON + 3 * HOUR, lastRunAt: NOON + HOUR });
      await stage.finish(claim!);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(2);
    });

    test('passes as well when the unfinished one was begun by hand, or is to be tried again', async () => {
      const { stage, id } = await scheduled(engine);
      const { taskId } = await stage.queue.schedules.run(id);
      await stage.queue.cancel(taskId);
      await stage.queue.retry(taskId);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(1);
      expect(told(stage)).toMatchObject([{ details: { unfinishedTaskId: taskId } }]);
    });

    test('is seen by the oldest, whatever has ended since', async () => {
      const { stage, id } = await scheduled(engine, { task: freshPrompts() });
      await pass(stage, HOUR);
      const [first] = await stage.take(A);
      const { taskId } = await stage.queue.schedules.run(id);
      const [second] = await stage.take(A);
      expect(second?.id).toBe(taskId);
      await stage.finish(second!);
      await pass(stage, HOUR);
      expect(told(stage)).toMatchObject([{ details: { unfinishedTaskId: first?.id } }]);
      await stage.finish(first!);
      await pass(stage, HOUR);
      expect(told(stage)).toHaveLength(1);
      expect(count(stage)).toBe(3);
    });

    test('waits behind it, in order: queue', async () => {
      const { stage, id } = await scheduled(engine, { overlap: 'queue' });
      for (let hour = 0; hour < 3; hour++) await pass(stage, HOUR);
      const [first, ...more] = await stage.take(A);
      expect(more).toEqual([]);
      const { tasks } = stage.queue.list({ limit: 9, sessionKey: `schedule:${id}` });
      expect(tasks.map(({ waitingFor }) => waitingFor)).toEqual(['blocked', 'blocked', null]);
      await stage.finish(first!);
      expect(await stage.takeIds(A)).toEqual([tasks[1]?.taskId]);
    });

    test('waits in the line of the key that the task has of its own', async () => {
      const task = { shown: {}, template: aCommand({ sessionKey: 'deploy' }) };
      const { stage } = await scheduled(engine, { overlap: 'queue', task });
      const other = await stage.submit(aCommand({ sessionKey: 'deploy' }));
      await pass(stage, HOUR);
      expect(await stage.takeIds(A)).toEqual([other]);
    });
  });

  describe('an occurrence that nobody saw', () => {
    test.each([
      ['fresh', MINUTE, 1, NOON + 2 * HOUR, []],
      ['stale', MINUTE + 1, 0, NOON + 2 * HOUR, [[NOON + HOUR, NOON + HOUR, false]]],
      ['long gone', 5 * HOUR + 2 * MINUTE, 0, NOON + 7 * HOUR, [[NOON + HOUR, NOON + 6 * HOUR, false]]],
      ['long gone, but the last', 5 * HOUR + 1, 1, NOON + 7 * HOUR, [[NOON + HOUR, NOON + 6 * HOUR, true]]],
    ])(
      'is run only when it is no more than a minute late: skip, %s',
      async (_case, late, runs, next, missed) => {
        const { stage, look } = await scheduled(engine);
        await pass(stage, HOUR + late);
        expect([count(stage), look().nextRunAt]).toEqual([runs, next]);
        const events = missed.map(([since, until, ran]) => ({
          type: 'schedule.missed',
          details: expect.objectContaining({ since, until, runs: ran }),
        }));
        expect(told(stage)).toEqual(events);
      },
    );

    test.each([
      ['fresh', MINUTE, NOON + 2 * HOUR, []],
      ['stale', MINUTE + 1, NOON + 2 * HOUR, [[NOON + HOUR, NOON + HOUR]]],
      [
        'long gone',
        30 * DAY + 2 * MINUTE,
        NOON + 30 * DAY + 2 * HOUR,
        [[NOON + HOUR, NOON + 30 * DAY + HOUR]],
      ],
    ])('is run once for all: once, %s', async (_case, late, next, missed) => {
      const { stage, look } = await scheduled(engine, { missed: 'once', overlap: 'queue' });
      await pass(stage, HOUR + late);
      expect([count(stage), look().nextRunAt]).toEqual([1, next]);
      const details = missed.map(([since, until]) => expect.objectContaining({ since, until, runs: true }));
      expect(told(stage).map((event) => event.details)).toEqual(details);
    });

    test('of every second of a month is one, and soon found', async () => {
      const { stage } = await scheduled(engine, { cron: '* * * * * *', missed: 'once', overlap: 'queue' });
      await pass(stage, 30 * DAY);
      expect(count(stage)).toBe(1);
      await pass(stage, SECOND);
      expect(count(stage)).toBe(2);
    });

    test('is judged after a restart by what was stored', async () => {
      const { stage, look } = await scheduled(engine, { missed: 'once' });
      await pass(stage, HOUR);
      await finishAll(stage);
      stage.clock.advance(3 * HOUR);
      await stage.reopen();
      await passAll(stage);
      expect(told(stage)).toMatchObject([{ details: { since: NOON + 2 * HOUR, until: NOON + 4 * HOUR } }]);
      expect(look()).toMatchObject({ lastRunAt: NOON + 4 * HOUR, nextRunAt: NOON + 5 * HOUR });
    });

    test.each([
      ['skip', 0],
      ['once', 1],
    ] as const)('for a stop of a moment was missed: %s', async (missed, runs) => {
      const { stage, look } = await scheduled(engine, { missed });
      stage.clock.advance(HOUR + 1);
      await stage.reopen();
      await passAll(stage);
      expect([count(stage), look().nextRunAt]).toEqual([runs, NOON + 2 * HOUR]);
      const details = { since: NOON + HOUR, until: NOON + HOUR, runs: runs === 1 };
      expect(told(stage)).toMatchObject([{ type: 'schedule.missed', details }]);
    });

    test.each([
      ['skip', 0],
      ['once', 1],
    ] as const)('for a stop is one with all the others of it: %s', async (missed, runs) => {
      const { stage } = await scheduled(engine, { missed, cron: '* * * * * *', overlap: 'queue' });
      await pass(stage, SECOND);
      stage.clock.advance(10 * SECOND + 1);
      await stage.reopen();
      await passAll(stage);
      expect(count(stage)).toBe(1 + runs);
      await pass(stage, 2 * SECOND);
      expect(count(stage)).toBe(3 + runs);
    });

    test('is run once, however often it stops until then', async () => {
      const { stage } = await scheduled(engine, { missed: 'once', overlap: 'queue' });
      stage.clock.advance(2 * HOUR + 1);
      await stage.reopen();
      stage.clock.advance(HOUR);
      await stage.reopen();
      await passAll(stage);
      await stage.reopen();
      await passAll(stage);
      expect(count(stage)).toBe(1);
      expect(told(stage)).toMatchObject([{ details: { since: NOON + HOUR, until: NOON + 3 * HOUR } }]);
    });

    test('is on time at the moment of the start, and when the clock is set back after it', async () => {
      const { stage, id } = await scheduled(engine, { overlap: 'queue' });
      stage.clock.advance(HOUR);
      await stage.reopen();
      await passAll(stage);
      expect(count(stage)).toBe(1);
      await stage.queue.schedules.remove(id);
      stage.clock.jump(-HOUR - MINUTE);
      await stage.queue.schedules.create(aSchedule());
      await pass(stage, MINUTE);
      expect(count(stage)).toBe(2);
      expect(told(stage)).toEqual([]);
    });

    test('is forgotten with an edit: the first of another rhythm is on time, when the clock was set back as well', async () => {
      const { stage, id } = await scheduled(engine);
      stage.clock.advance(HOUR + MINUTE);
      await stage.reopen();
      stage.clock.jump(-HOUR);
      await stage.queue.schedules.edit(id, { cron: '*/30 * * * *' });
      await pass(stage, HOUR / 2);
      expect([count(stage), told(stage)]).toEqual([1, []]);
    });

    test('is not made up for when it was edited before anyone looked; nor what fell into a pause', async () => {
      const { stage, id } = await scheduled(engine, { missed: 'once' });
      const paused = await stage.queue.schedules.create(
        aSchedule({ name: 'paused', missed: 'once', paused: true }),
      );
      stage.clock.advance(3 * HOUR + MINUTE);
      await stage.reopen();
      const { schedules } = stage.queue;
      await schedules.edit(id, { cron: '30 * * * *' });
      await schedules.edit(paused.id, { paused: false });
      await passAll(stage);
      expect([count(stage), told(stage)]).toEqual([0, []]);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(2);
    });

    test('is not run beside what is unfinished, and both are said', async () => {
      const { stage, id } = await scheduled(engine, { missed: 'once' });
      const { taskId } = await stage.queue.schedules.run(id);
      stage.clock.advance(2 * HOUR + MINUTE + 1);
      await passAll(stage);
      expect(count(stage)).toBe(1);
      expect(told(stage)).toMatchObject([
        { type: 'schedule.missed', details: { since: NOON + HOUR, until: NOON + 2 * HOUR, runs: false } },
        { type: 'schedule.skipped', details: { occurrence: NOON + 2 * HOUR, unfinishedTaskId: taskId } },
      ]);
    });
  });

  describe('a clock that jumps', () => {
    test('back repeats nothing: the schedule goes on when the clock has caught up', async () => {
      const { stage, look } = await scheduled(engine, { overlap: 'queue' });
      await pass(stage, HOUR);
      stage.clock.jump(-3 * HOUR);
      for (let step = 0; step < 16; step++) await pass(stage, HOUR / 4 - 1);
      expect(count(stage)).toBe(1);
      expect(look().nextRunAt).toBe(NOON + 2 * HOUR);
      await pass(stage, 16);
      expect(count(stage)).toBe(2);
    });

    test('back repeats nothing after a restart, an edit or a pause either', async () => {
      const { stage, id, look } = await scheduled(engine, { overlap: 'queue' });
      await pass(stage, HOUR);
      stage.clock.jump(-2 * HOUR);
      await stage.reopen();
      const { schedules } = stage.queue;
      for (const change of [{ cron: '*/30 * * * *' }, { paused: true }, { paused: false }, { cron: HOURLY }])
        await schedules.edit(id, change);
      expect(look().nextRunAt).toBe(NOON + 2 * HOUR);
      await pass(stage, 2 * HOUR);
      expect(count(stage)).toBe(1);
    });

    test.each([
      ['skip', 0],
      ['once', 1],
    ] as const)('forward makes what it passes over missed: %s', async (missed, runs) => {
      const { stage, look } = await scheduled(engine, { missed, cron: '*/10 * * * *' });
      stage.clock.jump(HOUR + 5 * MINUTE);
      await passAll(stage);
      expect(count(stage)).toBe(runs);
      expect(look().nextRunAt).toBe(NOON + HOUR + 10 * MINUTE);
    });
  });

  describe('run now', () => {
    test('submits at once and lets no occurrence pass', async () => {
      const { stage, id, look } = await scheduled(engine);
      const { taskId, sessionId } = await stage.queue.schedules.run(id);
      expect(sessionId).toBeNull();
      expect(look()).toMatchObject({ nextRunAt: NOON + HOUR, lastRunAt: NOON, lastTaskId: taskId });
      await finishAll(stage);
      await pass(stage, HOUR);
      expect(count(stage)).toBe(2);
    });

    test('works while it is paused, and waits behind what is unfinished', async () => {
      const { stage, id } = await scheduled(engine, { paused: true });
      const first = await stage.queue.schedules.run(id);
      const second = await stage.queue.schedules.run(id);
      expect(stage.state(second.taskId).waitingFor).toBe('blocked');
      expect(await stage.takeIds(A)).toEqual([first.taskId]);
    });

    test('is refused when the queue is full, and leaves nothing', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      const { id } = await stage.queue.schedules.create(aSchedule());
      await stage.submit(aCommand());
      await refused(stage.queue.schedules.run(id), 'queue_full');
      expect(stage.queue.schedules.get(id).lastTaskId).toBeNull();
    });
  });

  describe('an occurrence whose task is refused', () => {
    test('is tried again, said once, and run as soon as it can be', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      const { id } = await stage.queue.schedules.create(aSchedule());
      await stage.submit(aCommand());
      await pass(stage, HOUR);
      for (let second = 0; second < 10; second++) await pass(stage, SECOND);
      expect(count(stage)).toBe(1);
      const occurrence = { scheduleId: id, occurrence: NOON + HOUR, code: 'queue_full' };
      expect(told(stage)).toMatchObject([{ type: 'schedule.refused', details: occurrence }]);

      await stage.takeOne(A);
      await pass(stage, SECOND);
      expect(stage.queue.schedules.get(id)).toMatchObject({
        lastRunAt: NOON + HOUR + 11 * SECOND,
        nextRunAt: NOON + 2 * HOUR,
      });
    });

    test('is missed when that takes more than a minute', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      const { id } = await stage.queue.schedules.create(aSchedule());
      await stage.submit(aCommand());
      for (let step = 0; step <= 61; step++) await pass(stage, step === 0 ? HOUR : SECOND);
      expect(told(stage).map(({ type }) => type)).toEqual(['schedule.refused', 'schedule.missed']);
      expect(stage.queue.schedules.get(id)).toMatchObject({ lastTaskId: null, nextRunAt: NOON + 2 * HOUR });
    });

    test('is given up when its schedule is edited or removed in the same turn', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      await stage.submit(aCommand());
      const { schedules } = stage.queue;
      const [edited, removed] = [aSchedule({ name: 'edited' }), aSchedule({ name: 'removed' })];
      const ids = [(await schedules.create(edited)).id, (await schedules.create(removed)).id] as const;
      stage.clock.advance(HOUR);
      const change = { cron: '*/2 * * * * *' };
      await Promise.all([schedules.passDue(), schedules.edit(ids[0], change), schedules.remove(ids[1])]);
      expect(schedules.dueAt()).toBe(NOON + HOUR + 2 * SECOND);
      await schedules.remove(ids[0]);
      expect([schedules.dueAt(), told(stage)]).toEqual([null, []]);
    });

    test('keeps no other from passing, and is forgotten when it is removed', async () => {
      const stage = await Stage.open(engine);
      const gpu = { shown: {}, template: aCommand({ sessionKey: 'key', queue: 'gpu' }) };
      const stuck = await stage.queue.schedules.create(aSchedule({ name: 'stuck', task: gpu }));
      const free = await stage.queue.schedules.create(aSchedule({ name: 'free' }));
      await stage.submit(aCommand({ sessionKey: 'key' }));
      await pass(stage, HOUR);
      expect(told(stage)).toMatchObject([{ details: { code: 'session_queue_mismatch', name: 'stuck' } }]);
      expect(stage.queue.schedules.get(free.id).lastRunAt).toBe(NOON + HOUR);
      await Promise.all([pass(stage, SECOND), stage.queue.schedules.remove(stuck.id)]);
      await pass(stage, SECOND);
      expect(stage.queue.schedules.dueAt()).toBe(NOON + 2 * HOUR);
    });
  });

  describe('keeping schedules', () => {
    test('they are listed by name, as the client sent them, without what is to be submitted', async () => {
      const stage = await Stage.open(engine);
      const secret = aCallback({ token: 'sealed' });
      const task = {
        shown: { type: 'claude-cli', prompt: 'hello' },
        template: aPrompt('s', { callback: secret }),
      };
      const b = await stage.queue.schedules.create(aSchedule({ name: 'b', task }));
      const a = await stage.queue.schedules.create(aSchedule({ name: 'a' }));
      expect(stage.queue.schedules.list()).toEqual([a, b]);
      expect(b).toEqual({
        id: expect.any(String),
        name: 'b',
        cron: HOURLY,
        timeZone: 'UTC',
        task: { type: 'claude-cli', prompt: 'hello' },
        overlap: 'skip',
        missed: 'skip',
        paused: false,
        nextRunAt: NOON + HOUR,
        lastRunAt: null,
        lastTaskId: null,
        createdAt: NOON,
      } satisfies Schedule);
    });

    test('they are the same after a restart', async () => {
      const { stage, look } = await scheduled(engine);
      await pass(stage, HOUR);
      const before = look();
      await stage.reopen();
      expect(look()).toEqual(before);
      expect(stage.queue.schedules.dueAt()).toBe(NOON + 2 * HOUR);
    });

    test('a name is given once', async () => {
      const { stage, id } = await scheduled(engine);
      const { schedules } = stage.queue;
      const other = await schedules.create(aSchedule({ name: 'other' }));
      await refused(schedules.create(aSchedule()), 'schedule_exists');
      await refused(schedules.edit(other.id, { name: 'report' }), 'schedule_exists');
      expect((await schedules.edit(id, { name: 'report' })).name).toBe('report');
      await schedules.remove(id);
      expect((await schedules.create(aSchedule())).id).not.toBe(id);
    });

    test('an expression that is never true again is refused, and nothing stored', async () => {
      const { stage, id, look } = await scheduled(engine);
      const { schedules } = stage.queue;
      const never = { cron: '0 0 30 2 *' };
      await refused(schedules.create(aSchedule({ name: 'other', ...never })), 'invalid_field');
      const before = look();
      await refused(schedules.edit(id, { name: 'renamed', ...never }), 'invalid_field');
      expect(schedules.list()).toEqual([before]);
    });

    test('a time zone that is unknown here spoils nothing but its own', async () => {
      const stage = await Stage.open(engine);
      const [lost, kept] = await Promise.allSettled([
        stage.queue.schedules.create(aSchedule({ timeZone: 'Mars/Olympus' })),
        stage.submit(aCommand()),
      ]);
      expect(lost).toMatchObject({ reason: { code: 'invalid_field' } });
      expect(kept.status).toBe('fulfilled');
    });

    test('an unknown one is not found', async () => {
      const { schedules } = (await Stage.open(engine)).queue;
      expect(() => schedules.get('no-such')).toThrow('Schedule not found');
      await refused(schedules.edit('no-such', {}), 'not_found');
      await refused(schedules.remove('no-such'), 'not_found');
      await refused(schedules.run('no-such'), 'not_found');
    });

    test('there are a thousand at most', async () => {
      const stage = await Stage.open(engine);
      const { schedules } = stage.queue;
      const create = (index: number) => schedules.create(aSchedule({ name: `n${index}` }));
      const outcomes = await Promise.allSettled(Array.from({ length: 1_001 }, (_, index) => create(index)));
      const failed = outcomes.filter(({ status }) => status === 'rejected');
      expect(failed).toMatchObject([{ reason: { code: 'too_many_schedules' } }]);
      expect(schedules.list()).toHaveLength(1_000);
      await schedules.remove(schedules.list()[0]!.id);
      await create(1_001);
    });
  });

  describe('a request that is repeated', () => {
    test('makes one schedule: in the same turn, after a restart, and when it is gone', async () => {
      const stage = await Stage.open(engine);
      const create = () => stage.queue.schedules.create(aSchedule(), ONCE);
      const [first, second] = await Promise.all([create(), create()]);
      expect(first).not.toHaveProperty('duplicate');
      expect(second).toEqual({ ...first, duplicate: true });
      await pass(stage, HOUR);
      await stage.reopen();
      expect(await create()).toEqual(second);
      await stage.queue.schedules.remove(String(first?.id));
      expect(await create()).toEqual(second);
      expect(stage.queue.schedules.list()).toEqual([]);
    });

    test('runs it now once, and is refused as another request', async () => {
      const { stage, id, look } = await scheduled(engine);
      const { schedules } = stage.queue;
      const once = { ...ONCE, route: `/schedules/${id}/run` };
      const first = await schedules.run(id, once);
      stage.clock.advance(MINUTE);
      expect(await schedules.run(id, once)).toEqual({ ...first, duplicate: true });
      expect([count(stage), look().lastRunAt]).toEqual([1, NOON]);
      await refused(schedules.create(aSchedule({ name: 'other' }), ONCE), 'idempotency_conflict');
      await schedules.remove(id);
      expect(await schedules.run(id, once)).toMatchObject(first);
    });

    test('is done when what was refused the first time is possible', async () => {
      const stage = await Stage.open(engine);
      const { schedules } = stage.queue;
      const { id } = await schedules.create(aSchedule());
      await refused(schedules.create(aSchedule(), ONCE), 'schedule_exists');
      await schedules.remove(id);
      expect(await schedules.create(aSchedule(), ONCE)).not.toHaveProperty('duplicate');
    });
  });

  describe('editing a schedule', () => {
    test('of another rhythm counts from now on', async () => {
      const { stage, id } = await scheduled(engine);
      stage.clock.advance(10 * MINUTE);
      const { schedules } = stage.queue;
      expect(await schedules.edit(id, { cron: '*/20 * * * *' })).toMatchObject({
        nextRunAt: NOON + 20 * MINUTE,
      });
      expect(schedules.dueAt()).toBe(NOON + 20 * MINUTE);
      const kolkata = await schedules.edit(id, { cron: '0 18 * * *', timeZone: 'Asia/Kolkata' });
      expect(kolkata.nextRunAt).toBe(NOON + 30 * MINUTE);
    });

    test('of anything else moves no occurrence, not even one that is due', async () => {
      const { stage, id } = await scheduled(engine);
      stage.clock.advance(HOUR);
      const task = { shown: {}, template: aCommand({ payload: { command: 'edited' } }) };
      const edit = { name: 'new', overlap: 'queue', missed: 'once', cron: HOURLY, task } as const;
      const edited = await stage.queue.schedules.edit(id, edit);
      expect(edited).toMatchObject({ name: 'new', overlap: 'queue', missed: 'once', nextRunAt: NOON + HOUR });
      await passAll(stage);
      expect(await stage.take(A)).toMatchObject([{ payload: { command: 'edited' } }]);
    });

    test('to pause lets nothing pass; what fell into the pause is not made up for', async () => {
      const { stage, id } = await scheduled(engine, { missed: 'once' });
      const { schedules } = stage.queue;
      expect((await schedules.edit(id, { paused: true })).nextRunAt).toBeNull();
      expect(schedules.dueAt()).toBeNull();
      await pass(stage, 3 * HOUR + 10 * MINUTE);
      expect((await schedules.edit(id, { paused: false })).nextRunAt).toBe(NOON + 4 * HOUR);
      await passAll(stage);
      expect(count(stage)).toBe(0);
      await pass(stage, 50 * MINUTE);
      expect(count(stage)).toBe(1);
      expect(told(stage)).toEqual([]);
    });

    test('to pause it is possible when it is never true again, and to resume it then is not', async () => {
      const { stage, id, look } = await scheduled(engine, { cron: '0 0 13 22 11 * 2026' });
      await pass(stage, HOUR);
      const { schedules } = stage.queue;
      expect(await schedules.edit(id, { paused: true })).toMatchObject({ paused: true, nextRunAt: null });
      await refused(schedules.edit(id, { paused: false }), 'invalid_field');
      expect(look().paused).toBe(true);
    });

    test('to remove it leaves what it has submitted', async () => {
      const { stage, id } = await scheduled(engine);
      await pass(stage, HOUR);
      await stage.queue.schedules.remove(id);
      expect(stage.queue.schedules.list()).toEqual([]);
      expect(await stage.take(A)).toHaveLength(1);
      await pass(stage, 5 * HOUR);
      expect(stage.queue.schedules.dueAt()).toBeNull();
    });

    test('tells who waits for the next occurrence', async () => {
      const { stage, id } = await scheduled(engine);
      const { schedules } = stage.queue;
      const heard: (number | null)[] = [];
      const end = schedules.onChange(() => heard.push(schedules.dueAt()));
      await schedules.edit(id, { cron: '30 * * * *' });
      await schedules.edit(id, { name: 'renamed' });
      await pass(stage, HOUR / 2);
      await schedules.remove(id);
      end();
      await schedules.create(aSchedule());
      expect(heard).toEqual([NOON + HOUR / 2, NOON + HOUR + HOUR / 2, null]);
    });
  });
}
