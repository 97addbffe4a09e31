import { describe, expect, test } from 'vitest';
import type { Event, EventFilter, NewEvent } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');

function anEvent(type: string, change: Partial<NewEvent> = {}): NewEvent {
  return {
    type,
    taskId: null,
    details: null,
    taskType: null,
    taskStatus: null,
    sessionId: null,
    origin: null,
    dispatchMode: null,
    responseMode: null,
    entrypoint: null,
    ...change,
  };
}

const all = (stage: Stage): Event[] => stage.queue.events.list({ limit: 500 });
const seqs = (events: Event[]): number[] => events.map((event) => event.seq);
/** From `last` down, without a gap. */
const downFrom = (last: number, count: number) => Array.from({ length: count }, (_, index) => last - index);

export function describeEventLog(engine: EngineUnderTest): void {
  const record = async (stage: Stage, ...types: string[]) => {
    for (const type of types) await stage.queue.events.record(anEvent(type));
  };

  describe('the order of events', () => {
    test('is newest first and has no gap, whatever was refused in between', async () => {
      const stage = await Stage.open(engine);
      const claim = await stage.run(A, aCommand({ sessionKey: 'deploy' }));
      await stage.submit(aCommand({ sessionKey: 'deploy' }));
      const refusals = [
        stage.queue.submit(aCommand({ sessionKey: 'deploy', queue: 'gpu' })),
        stage.queue.cancel('no-such-task'),
        stage.queue.release(claim.leaseId, 'over'),
        stage.finish(claim),
      ];
      expect((await Promise.allSettled(refusals)).map(({ status }) => status)).not.toContain('fulfilled');
      await record(stage, 'last');
      const events = all(stage);
      expect(events[0]?.type).toBe('last');
      expect(seqs(events)).toEqual(downFrom(events[0]?.seq ?? 0, events.length));
    });

    test('is one over tail and file, before, while and after events are copied', async () => {
      const stage = await Stage.open(engine);
      await record(stage, 'a', 'b', 'c');
      const before = all(stage);
      await exhaust(() => stage.queue.upkeep.copyEvents());
      expect(all(stage)).toEqual(before);
      await record(stage, 'd', 'e');
      const types = ['e', 'd', 'c', 'b', 'a'];
      expect(all(stage).map((event) => event.type)).toEqual(types);
      expect(stage.queue.events.list({ limit: 3 }).map((event) => event.type)).toEqual(types.slice(0, 3));
      expect(stage.queue.events.stats().count).toBe(5);
      await exhaust(() => stage.queue.upkeep.copyEvents());
      expect(all(stage).map((event) => event.type)).toEqual(types);
      expect(stage.queue.events.stats().count).toBe(5);
    });
  });

  describe('an event that a runner or bridge records', () => {
    test('is kept as it is, with the older defaults, when it names no known task', async () => {
      const stage = await Stage.open(engine);
      const said = {
        taskId: 'elsewhere',
        taskType: 'x',
        taskStatus: 'y',
        sessionId: 's',
        details: { a: [1] },
      };
      const event = await stage.queue.events.record(anEvent('bridge.note', said));
      const defaults = { origin: 'unknown', dispatchMode: 'unspecified', responseMode: 'direct-callback' };
      const createdAt = stage.clock.wall();
      expect(event).toMatchObject({ type: 'bridge.note', ...said, ...defaults, entrypoint: null, createdAt });
      expect(all(stage)).toEqual([event]);
    });

    test("has the values of its task, and the recorder's own where the task has none", async () => {
      const stage = await Stage.open(engine);
      const [prompt = '', command = ''] = await stage.submitAll(aPrompt('s1'), aCommand());
      const said = { taskType: 'x', taskStatus: 'y', sessionId: 's9', origin: 'o', entrypoint: 'e' };
      const ofPrompt = await stage.queue.events.record(anEvent('note', { ...said, taskId: prompt }));
      const task = { taskType: 'claude-cli', taskStatus: 'pending', sessionId: 's1' };
      expect(ofPrompt).toMatchObject({ ...task, origin: 'discord', entrypoint: 'cc' });

      const ofCommand = await stage.queue.events.record(anEvent('note', { ...said, taskId: command }));
      expect(ofCommand).toMatchObject({
        taskType: 'command',
        sessionId: 's9',
        origin: 'unknown',
        entrypoint: 'e',
      });
    });
  });

  describe('looking events up', () => {
    test('by task, by type, by both, at most so many', async () => {
      const stage = await Stage.open(engine);
      const [first, second] = [await stage.run(A, aCommand()), await stage.run(A, aCommand())];
      await exhaust(() => stage.queue.upkeep.copyEvents());
      const { id: third } = await stage.run(A, aCommand());

      const list = stage.queue.events.list.bind(stage.queue.events);
      const started = list({ type: 'task.started', limit: 10 });
      expect(started.map((event) => event.taskId)).toEqual([third, second.id, first.id]);
      expect(list({ taskId: first.id, limit: 10 })).toHaveLength(3);
      expect(list({ taskId: third, limit: 2 }).map(({ type }) => type)).toEqual([
        'task.completed',
        'task.started',
      ]);
      expect(list({ taskId: second.id, type: 'task.created', limit: 10 })).toHaveLength(1);
      expect(list({ type: 'no.such', limit: 10 })).toEqual([]);
    });

    test('by their counts, most frequent first, then by name', async () => {
      const stage = await Stage.open(engine);
      const oldestCreatedAt = stage.clock.wall();
      await stage.submitAll(aCommand(), aCommand());
      stage.clock.advance(1_000);
      await exhaust(() => stage.queue.upkeep.copyEvents());
      await record(stage, 'b', 'a');

      const stats = stage.queue.events.stats();
      const times = { oldestCreatedAt, newestCreatedAt: stage.clock.wall() };
      expect(stats).toMatchObject({ count: 4, ...times, retentionDays: 14, maxEvents: 2_000 });
      expect(stats.byType).toEqual([
        { type: 'task.created', count: 2 },
        { type: 'a', count: 1 },
        { type: 'b', count: 1 },
      ]);
      expect(stats.byStatus).toEqual([
        { taskStatus: 'pending', count: 2 },
        { taskStatus: 'unknown', count: 2 },
      ]);
    });

    test('in an empty log', async () => {
      const stage = await Stage.open(engine);
      const nothing = { count: 0, oldestCreatedAt: null, newestCreatedAt: null, byType: [], byStatus: [] };
      expect(stage.queue.events.stats()).toMatchObject(nothing);
      expect(all(stage)).toEqual([]);
    });
  });

  describe('what follows on an event', () => {
    /** All pages, each at most `limit` long and none of them empty. */
    const follow = (stage: Stage, seq: number, filter: EventFilter): Event[] => {
      const found: Event[] = [];
      for (let at = seq; ; at = found.at(-1)?.seq ?? 0) {
        const page = stage.queue.events.after(at, filter);
        expect(page.length).toBeLessThanOrEqual(filter.limit);
        if (page.length === 0) return found;
        found.push(...page);
      }
    };

    test('is oldest first, one over tail and file, by task, by type, by both', async () => {
      const stage = await Stage.open(engine);
      const [first, second] = [await stage.run(A, aCommand()), await stage.run(A, aCommand())];
      await exhaust(() => stage.queue.upkeep.copyEvents());
      await stage.queue.events.record(anEvent('note', { taskId: first.id }));
      await stage.run(A, aCommand());
      const events = all(stage).toReversed();
      const ofFirst = events.filter(({ taskId }) => taskId === first.id);
      const started = events.filter(({ type }) => type === 'task.started');
      for (const limit of [1, 2, 500]) {
        expect(follow(stage, 0, { limit })).toEqual(events);
        expect(follow(stage, events[1]?.seq ?? 0, { limit })).toEqual(events.slice(2));
        expect(follow(stage, 0, { taskId: first.id, limit })).toEqual(ofFirst);
        expect(follow(stage, ofFirst[0]?.seq ?? 0, { taskId: first.id, limit })).toEqual(ofFirst.slice(1));
        expect(follow(stage, 0, { type: 'task.started', limit })).toEqual(started);
        expect(follow(stage, 0, { taskId: second.id, type: 'task.started', limit })).toEqual(
          started.slice(1, 2),
        );
        expect(follow(stage, events.at(-1)?.seq ?? 0, { limit })).toEqual([]);
      }
    });

    test('comes in shorter pages when events are large', async () => {
      const stage = await Stage.open(engine);
      const details = 'x'.repeat(1_000_000);
      for (let left = 20; left > 0; left--) await stage.queue.events.record(anEvent('large', { details }));
      expect(stage.queue.events.after(0, { limit: 200 }).length).toBeLessThan(10);
      await exhaust(() => stage.queue.upkeep.copyEvents());
      expect(stage.queue.events.after(0, { limit: 200 }).length).toBeLessThan(10);
      expect(follow(stage, 0, { limit: 200 })).toHaveLength(20);
    });

    test('is known to be whole from the first that is still there to the last that was ever given', async () => {
      const stage = await Stage.open(engine, { maxEvents: 2 });
      const span = () => stage.queue.events.span();
      const { last } = span();
      expect(span()).toEqual({ first: last + 1, last });
      await record(stage, 'a', 'b', 'c');
      expect(span()).toEqual({ first: last + 1, last: last + 3 });
      await exhaust(() => stage.queue.upkeep.copyEvents());
      expect(span()).toEqual({ first: last + 1, last: last + 3 });
      await stage.queue.upkeep.trimEvents();
      await record(stage, 'd');
      expect(span()).toEqual({ first: last + 2, last: last + 4 });
      await exhaust(() => stage.queue.upkeep.copyEvents());
      stage.clock.advance(15 * DAY);
      await stage.queue.upkeep.trimEvents();
      await stage.reopen();
      expect(span()).toEqual({ first: last + 5, last: last + 4 });
    });
  });

  describe('events are trimmed', () => {
    const trimmed = async (stage: Stage) => {
      await exhaust(() => stage.queue.upkeep.copyEvents());
      return stage.queue.upkeep.trimEvents();
    };

    test.each([
      ['fresh: are kept', 14 * DAY - 1_000, 0],
      ['stale: are removed', 14 * DAY + 1_000, 2],
      ['exhausted: are removed', 140 * DAY, 2],
    ])('by age, %s', async (_name, ms, deletedExpired) => {
      const stage = await Stage.open(engine);
      await record(stage, 'a', 'b');
      stage.clock.advance(ms);
      await record(stage, 'c');
      const cutoff = stage.clock.wall() - 14 * DAY;
      expect(await trimmed(stage)).toEqual({
        cutoff,
        deletedExpired,
        deletedOverflow: 0,
        count: 3 - deletedExpired,
      });
      expect(all(stage)).toHaveLength(3 - deletedExpired);
      expect(stage.queue.events.stats().count).toBe(3 - deletedExpired);
    });

    test('by count, the newest are kept', async () => {
      const stage = await Stage.open(engine, { maxEvents: 3 });
      await record(stage, 'a', 'b', 'c', 'd', 'e');
      expect(await trimmed(stage)).toMatchObject({ deletedExpired: 0, deletedOverflow: 2, count: 3 });
      expect(all(stage).map((event) => event.type)).toEqual(['e', 'd', 'c']);
      expect(stage.queue.events.stats().byType.map(({ type }) => type)).toEqual(['c', 'd', 'e']);
      expect(await trimmed(stage)).toMatchObject({ deletedOverflow: 0, count: 3 });
    });

    test('and their numbers are not used again', async () => {
      const stage = await Stage.open(engine, { maxEvents: 1 });
      await record(stage, 'a', 'b');
      const last = all(stage)[0]?.seq ?? 0;
      stage.clock.advance(15 * DAY);
      await trimmed(stage);
      expect(all(stage)).toEqual([]);
      await stage.reopen();
      await record(stage, 'c');
      expect(seqs(all(stage))).toEqual([last + 1]);
    });
  });

  describe('whoever listens', () => {
    test('hears of every event in order, once it is stored', async () => {
      const stage = await Stage.open(engine);
      const heard: Event[] = [];
      const stored: (number | undefined)[] = [];
      const stop = stage.queue.subscribe((event) => {
        heard.push(event);
        stored.push(stage.queue.events.list({ limit: 500 }).find(({ seq }) => seq === event.seq)?.seq);
      });
      await Promise.all([stage.submit(aCommand()), stage.submit(aCommand())]);
      await record(stage, 'note');
      stop();
      await record(stage, 'unheard');
      expect(heard).toEqual(all(stage).slice(1).reverse());
      expect(stored).toEqual(seqs(heard));
    });
  });
}
