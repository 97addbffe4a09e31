/** What the chaos run sees of schedules, batches and the stream of events: that its checkers see what they are there to see. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/queue/events.ts';
import type { Schedule } from '../../src/queue/schedules.ts';
import type { JsonObject } from '../../src/queue/task.ts';
import { Caller } from '../chaos/caller.ts';
import { type Heard, streamFaultsIn } from '../chaos/heard.ts';
import { Journal, type Told } from '../chaos/journal.ts';
import { judge } from '../chaos/judge.ts';
import { Keeper } from '../chaos/keeper.ts';
import { judgeSchedules, type Kept, type ScheduleFindings } from '../chaos/kept.ts';
import {
  type Act,
  every,
  keptLanesOf,
  type Life,
  lifeAt,
  type ScheduleFields,
  workOf,
} from '../chaos/lives.ts';
import { named, overlapsIn } from '../chaos/marks.ts';
import { parcelAt } from '../chaos/work.ts';
import { batchesIn, keptIn, runsOf } from '../chaos/written.ts';
import { startApi, TOKEN } from '../support/http.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Everything below is in seconds from here on. */
const START = 1_800_000_000_000;
const at = (seconds: number) => START + seconds * 1_000;
const FIELDS: ScheduleFields = {
  name: 'tidy',
  cron: every(2),
  overlap: 'queue',
  missed: 'skip',
  task: { type: 'command', command: 'true' },
};

interface Did {
  act: Act;
  /** When it was asked for, and a tenth of a second later answered. */
  when: number;
  next?: number;
  body?: ScheduleFields;
  status?: number;
  taskId?: string;
}

/** A schedule's life as its client wrote of it. */
function kept(...all: Did[]): Kept {
  const fields: ScheduleFields = {};
  const steps = all.map(({ act, when, next, body, status = 200, taskId }, step) => {
    Object.assign(fields, body);
    const schedule = { id: 's', ...fields, nextRunAt: next === undefined ? null : at(next) } as Schedule;
    const isShown = status === 200 && act !== 'run' && act !== 'remove';
    const asked = { what: 'asked', key: 'tidy', step, act, at: at(when), ...(body && { body }) } as const;
    const told = { what: 'told', key: 'tidy', step, at: at(when + 0.1), status, isDoubtful: false } as const;
    return { asked, told: { ...told, ...(isShown && { schedule }), ...(taskId && { taskId }) } };
  });
  return { name: 'tidy', steps };
}

const CREATE: Did = { act: 'create', when: 1, next: 2, body: FIELDS };
const LOOK: Did = { act: 'look', when: 7, next: 8 };
const REMOVE: Did = { act: 'remove', when: 7.5 };

/** `run 2`, `hand 3`, `skipped 4 t1`, `missed 2 6 run`, `end t1`; the tasks are `t` and the number of their event. */
function log(...lines: string[]): Event[] {
  return lines.map((line, index) => {
    const [what = '', first = '', second = '', third = ''] = line.split(' ');
    const seq = index + 1;
    const told = (type: string, taskId: string | null, when: string, details: object) =>
      ({ seq, type, taskId, createdAt: at(Number(when)) + 10, details }) as unknown as Event;
    const of = (details: object) => ({ scheduleId: 's', name: 'tidy', ...details });
    const occurrence = at(Number(second || first));
    switch (what) {
      case 'end':
        return told('task.completed', first, '0', {});
      case 'hand':
        return told('task.created', `t${seq}`, first, of({ occurrence: null }));
      case 'run':
        return told('task.created', `t${seq}`, first, of({ occurrence }));
      case 'skipped':
        return told(
          ...(['schedule.skipped', null, first] as const),
          of({ occurrence: at(Number(first)), unfinishedTaskId: second }),
        );
      default:
        return told(
          ...(['schedule.missed', null, second] as const),
          of({ since: at(Number(first)), until: occurrence, runs: third === 'run' }),
        );
    }
  });
}

function found(life: Kept, events: Event[], listed: Schedule[] = []): Partial<ScheduleFindings> {
  const findings = judgeSchedules({ kept: [life], listed, log: events });
  return Object.fromEntries(Object.entries(findings).filter(([, sentences]) => sentences.length > 0));
}

describe('schedules without a fault', () => {
  const once = { ...FIELDS, missed: 'once' } as const;
  const skip = { ...FIELDS, overlap: 'skip' } as const;

  test.each<[string, Kept, Event[]]>([
    ['every occurrence is run', kept(CREATE, LOOK, REMOVE), log('run 2', 'run 4', 'run 6')],
    [
      'a pause, another rhythm and a run by hand',
      kept(
        ...[CREATE, LOOK, { act: 'pause', when: 7.2, body: { paused: true } } as const],
        { act: 'resume', when: 11.5, next: 12, body: { paused: false } },
        { act: 'look', when: 13, next: 14 },
        { act: 'edit', when: 13.5, next: 14, body: { cron: every(1) } },
        { act: 'run', when: 13.7, taskId: 't5' },
        { act: 'look', when: 15.5, next: 16 },
        { act: 'remove', when: 16.5 },
      ),
      log('run 2', 'run 4', 'run 6', 'run 12', 'hand 13', 'run 14', 'run 15', 'run 16'),
    ],
    [
      'an edit that brings about one before the one that was next',
      kept(
        CREATE,
        LOOK,
        { act: 'edit', when: 7.2, next: 8, body: { cron: every(1) } },
        {
          ...{ act: 'look', when: 9.5, next: 10 },
        },
        { act: 'edit', when: 9.6, next: 10, body: { cron: every(2) } },
        {
          ...{ act: 'look', when: 10.5, next: 12 },
        },
        { act: 'edit', when: 10.6, next: 11, body: { cron: every(1) } },
        { act: 'remove', when: 11.5 },
      ),
      log('run 2', 'run 4', 'run 6', 'run 8', 'run 9', 'run 10', 'run 11'),
    ],
    ['a stop that nothing is made up for', kept(CREATE, LOOK, REMOVE), log('run 2', 'missed 4 6 pass')],
    [
      'a stop that one run is made up for',
      kept({ ...CREATE, body: once }, LOOK, REMOVE),
      log('run 2', 'missed 4 6 run', 'run 6'),
    ],
    [
      'one that is skipped, since the one before is unfinished',
      kept({ ...CREATE, body: skip }, LOOK, REMOVE),
      log('run 2', 'skipped 4 t1', 'end t1', 'run 6'),
    ],
    [
      'one that was missed, and skipped in the end',
      kept({ ...CREATE, body: { ...once, overlap: 'skip' } }, LOOK, REMOVE),
      log('run 2', 'missed 4 6 pass', 'skipped 6 t1', 'end t1'),
    ],
  ])('%s', (_, life, events) => {
    expect(found(life, events)).toEqual({});
  });

  test('one that stays is listed as it was acknowledged', () => {
    const life = kept(CREATE, LOOK, { act: 'pause', when: 7.2, body: { paused: true } });
    const listed = { id: 's', ...FIELDS, paused: true } as Schedule;
    expect(found(life, log('run 2', 'run 4', 'run 6'), [listed])).toEqual({});
  });
});

describe('a fault of schedules', () => {
  const LIFE = kept(CREATE, LOOK, REMOVE);

  test.each<[string, Event[]]>([
    ['run twice', log('run 2', 'run 4', 'run 4', 'run 6')],
    ['run and skipped', log('run 2', 'run 4', 'run 6', 'skipped 6 t2')],
    ['run and missed', log('run 2', 'run 4', 'missed 4 6 pass')],
    ['run and missed, the last one', log('run 2', 'run 4', 'run 6', 'missed 6 6 pass')],
    ['missed twice', log('run 2', 'missed 4 6 pass', 'missed 6 6 pass')],
  ])('occurrencesRepeated: one that is %s', (_, events) => {
    expect(found(LIFE, events)).toMatchObject({
      occurrencesRepeated: [expect.stringContaining('tidy: 2027-')],
    });
  });

  test.each<[string, Kept, Event[]]>([
    ['passes without a trace', LIFE, log('run 2', 'run 6')],
    ['was the first', LIFE, log('run 4', 'run 6')],
    ['was to be the last before it was looked at', LIFE, log('run 2', 'run 4')],
    ['was said to be run after a stop', LIFE, log('run 2', 'missed 4 6 run')],
    [
      'was to be made up for',
      kept({ ...CREATE, body: { ...FIELDS, missed: 'once' } }, LOOK, REMOVE),
      log('run 2', 'missed 4 6 pass'),
    ],
  ])('occurrencesLost: one that %s', (_, life, events) => {
    expect(found(life, events)).toEqual({ occurrencesLost: [expect.stringContaining('tidy: 2027-')] });
  });

  const RESTED = kept(
    CREATE,
    LOOK,
    { act: 'pause', when: 7.2, body: { paused: true } },
    {
      ...{ act: 'resume', when: 11.5, next: 12, body: { paused: false } },
    },
    { act: 'remove', when: 11.7 },
  );
  test.each<[string, Kept, Event[]]>([
    ['is none by its expression', LIFE, log('run 2', 'run 4', 'run 5', 'run 6')],
    ['is run before its time', LIFE, log('run 2', 'run 4', 'run 5 6')],
    ['is run while it is paused', RESTED, log('run 2', 'run 4', 'run 6', 'run 8')],
    ['is missed while it is paused', RESTED, log('run 2', 'run 4', 'run 6', 'missed 8 8 pass')],
    ['is run when it is deleted', LIFE, log('run 2', 'run 4', 'run 6', 'run 8')],
    ['nobody asked for', LIFE, log('run 2', 'run 4', 'run 6', 'hand 6')],
  ])('occurrencesStray: one that %s', (_, life, events) => {
    expect(found(life, events)).toEqual({ occurrencesStray: [expect.stringContaining('tidy: ')] });
  });

  const SKIP = kept({ ...CREATE, body: { ...FIELDS, overlap: 'skip' } }, LOOK, REMOVE);
  test.each<[string, Kept, Event[]]>([
    ['is run beside an unfinished one', SKIP, log('run 2', 'run 4', 'end t1', 'end t2', 'run 6')],
    ['is skipped for one that had ended', SKIP, log('run 2', 'end t1', 'skipped 4 t1', 'run 6')],
    ['is skipped, and was to wait in line', LIFE, log('run 2', 'skipped 4 t1', 'run 6')],
  ])('overlapBreaks: one that %s', (_, life, events) => {
    expect(found(life, events)).toEqual({ overlapBreaks: [expect.stringContaining('tidy: it was ')] });
  });

  const RUNS = log('run 2', 'run 4', 'run 6');
  const SHOWN = { id: 's', ...FIELDS } as Schedule;
  test.each<[string, Kept, Schedule[]]>([
    ['is not there', kept(CREATE, LOOK), []],
    ['is there after it was deleted', LIFE, [SHOWN]],
    ['is another one', kept(CREATE, LOOK), [{ ...SHOWN, overlap: 'skip' }]],
    ['has another task', kept(CREATE, LOOK), [{ ...SHOWN, task: { type: 'command', command: 'false' } }]],
    [
      'is not known when it is looked at',
      kept(CREATE, LOOK, { act: 'look', when: 7.2, status: 404 }, REMOVE),
      [],
    ],
    ['can be deleted by nobody', kept(CREATE, LOOK, { ...REMOVE, status: 404 }), []],
  ])('schedulesLost: an acknowledged one that %s', (_, life, listed) => {
    expect(found(life, RUNS, listed)).toEqual({ schedulesLost: [expect.stringContaining('tidy: ')] });
  });

  test('schedulesLost: a change that is gone, and a schedule that nobody was told of', () => {
    const life = kept(CREATE, LOOK, { act: 'edit', when: 7.2, next: 8, body: { cron: every(1) } });
    expect(found(life, RUNS, [SHOWN]).schedulesLost).toHaveLength(1);
    expect(found(LIFE, RUNS, [{ ...SHOWN, id: 'z', name: 'else' }])).toEqual({
      schedulesLost: ['nobody was told of schedule z'],
    });
  });

  test('schedulesLost: a task whose callback goes elsewhere; its credential is never shown', () => {
    const task = (callback: object) => ({ type: 'command', command: 'true', callback }) as JsonObject;
    const [given, shown] = [
      { kind: 'discord', target: '1', token: 't' },
      { kind: 'discord', target: '1' },
    ];
    const life = kept({ ...CREATE, body: { ...FIELDS, task: task(given) } });
    const steps = life.steps.map(({ asked, told }) => {
      const schedule = { ...told?.schedule, task: task(shown) } as Schedule;
      return { asked, told: { ...told, schedule } as Told };
    });
    const listed = (callback: object) => [{ ...SHOWN, task: task(callback) } as Schedule];
    expect(found({ ...life, steps }, RUNS, listed(shown))).toEqual({});
    expect(found({ ...life, steps }, RUNS, listed({ ...shown, target: '2' })).schedulesLost).toHaveLength(1);
  });

  test.each<[string, Did]>([
    ['has no task', { act: 'run', when: 7.2, taskId: 't9' }],
    ['is refused', { act: 'run', when: 7.2, status: 409 }],
    ['is answered with the task of an occurrence', { act: 'run', when: 7.2, taskId: 't1' }],
  ])('runNowLost: a run by hand that %s', (_, run) => {
    expect(found(kept(CREATE, LOOK, run, REMOVE), RUNS)).toEqual({
      runNowLost: [expect.stringContaining('tidy: ')],
    });
  });
});

describe('the tasks of a schedule', () => {
  test('are told apart by their results', () => {
    const place = { marks: '/m', lane: { name: 'client-1-schedule-line', kind: 'line' as const }, index: 0 };
    const { group, key } = workOf(place);
    const life = { ...kept(CREATE), name: 'client-1-schedule-line.0' };
    const passed = [1, 2].map((seq) => ({
      occurrence: at(seq),
      how: 'run' as const,
      taskId: `t${seq}`,
      seq,
      at: 0,
    }));
    const runs = runsOf(life, 'client-1', { marks: '/m' }, new Map([['s', { passed, missed: [] }]]));
    expect(runs.map(({ taskId, work }) => [taskId, work.key, work.group, work.index])).toEqual([
      ['t1', `${key}#1`, group, 0],
      ['t2', `${key}#2`, group, 1],
    ]);
    const mark = (what: string, attempt: string) => ({ what, key, attempt, runner: 'r' });
    const world = new Map([[group, [mark('start', 'a'), mark('start', 'b'), mark('beat', 'a')]]]);
    const lane = named(world, new Map([['b', `${key}#1`]])).get(group) ?? [];
    expect(lane.map((each) => each.key)).toEqual([key, `${key}#1`, key]);
    expect(overlapsIn(lane)).toHaveLength(1);
  });
});

describe('the stream', () => {
  const LOG = log('run 2', 'run 4', 'run 6', 'run 8').map((event) => ({ ...event, id: `e${event.seq}` }));
  const heard = (...seqs: number[]): Heard[] => seqs.map((seq) => ({ seq, id: `e${seq}` }));
  const gap = (reason: string, from: number, to: number): Heard => ({ from, to, reason });

  test.each<[string, Heard[], string[]]>([
    ['every event once', heard(1, 2, 3, 4), []],
    ['what was trimmed', [gap('trimmed', 1, 2), ...heard(3, 4)], []],
    ['one that never came', heard(1, 3, 4), ['events 2 to 2 never came']],
    ['one that came twice', heard(1, 2, 2, 3, 4), ['event 2 came again, behind event 2']],
    ['an end that never came', heard(1, 2), ['events 3 to 4 never came']],
    ['nothing', [], ['events 1 to 4 never came']],
    [
      'one that was told of before it was stored',
      [...heard(1, 2), { seq: 3, id: 'other' }, ...heard(4)],
      ['event 3 was another one than the log has'],
    ],
    [
      'one that the log does not know',
      [...heard(1, 2, 3, 4), gap('unknown', 5, 5)],
      ['it knew events 5 to 5, the log does not'],
    ],
  ])('of %s', (_, told, faults) => {
    expect(streamFaultsIn({ heard: told, newest: 4 }, LOG)).toEqual(faults);
  });

  test('of a log that lacks an event, in its midst and at its end', () => {
    const all = { heard: heard(1, 2, 3, 4), newest: 4 };
    expect(streamFaultsIn(all, LOG.toSpliced(1, 1))).toContain('the whole log lacks what is before event 3');
    expect(streamFaultsIn(all, LOG.slice(0, 3))).toContain('the whole log ends at event 3, not at 4');
  });
});

describe('a batch', () => {
  test('is all there or not at all; all, when it was acknowledged', () => {
    const path = join(tempFolder(), 'journal');
    const journal = new Journal(path);
    for (const key of ['all', 'none', 'some', 'gone'])
      journal.write({ what: 'batch', key: `batch ${key}.0`, size: 2 });
    for (const key of ['all', 'gone']) journal.write({ what: 'acknowledged', key: `${key}.0`, taskId: key });
    journal.close();
    const tagged = new Map([
      ['batch all.0', ['a', 'b']],
      ['batch some.0', ['c']],
    ]);
    const nothing = { tasks: [], refused: [], unknown: [], forgotten: [], world: new Map() };
    const schedules = { kept: [], listed: [], log: [] };
    const followed = { heard: [], newest: 0 };
    const called = { channels: [], dead: new Map() };
    const batches = batchesIn(path, tagged);
    expect(judge({ ...nothing, schedules, followed, called, batches }).batchesTorn).toEqual([
      'batch some.0: of 2 tasks there are 1',
      'batch gone.0: of 2 tasks there are 0, and it was acknowledged',
    ]);
  });

  test('follows from the seed and its place, with a tag that its tasks share', () => {
    const lane = { name: 'client-1-loose-0', kind: 'loose' as const };
    const parcels = Array.from({ length: 40 }, (_, index) => parcelAt(1, { marks: '/m', lane, index }));
    const { works = [], batch } = parcels.find((parcel) => parcel.works.length > 2) ?? {};
    expect(works.map(({ body }) => body.tags)).toEqual(works.map(({ key }) => [batch, key]));
    expect(parcels.some((parcel) => parcel.batch === null)).toBe(true);
    expect(parcels).toEqual(
      Array.from({ length: 40 }, (_, index) => parcelAt(1, { marks: '/m', lane, index })),
    );
  });
});

describe('the life of a schedule', () => {
  test('follows from the seed; nothing is changed before it was looked at', () => {
    for (const lane of [...keptLanesOf('client-1'), ...keptLanesOf('client-2')]) {
      const lives = Array.from({ length: 20 }, (_, index) => lifeAt(1, { marks: '/m', lane, index }));
      expect(lives).toEqual(lives.map((_, index) => lifeAt(1, { marks: '/m', lane, index })));
      for (const { steps } of lives) {
        const acts = steps.map(({ act }) => act);
        expect([acts[0], acts.at(-1)]).toEqual(['create', 'remove']);
        acts.forEach((act, step) => {
          if (['edit', 'pause', 'remove'].includes(act)) expect(acts[step - 1]).toBe('look');
        });
      }
    }
  });

  test('goes on where a kill has ended it: nothing is done twice, and it is left paused', async () => {
    const api = await startApi();
    const folder = tempFolder();
    const stopping = new AbortController();
    const keep = async (journal: Journal, more: Life['steps']) => {
      const steps = [
        { act: 'create' as const, afterMs: 0, body: FIELDS },
        { act: 'run' as const, afterMs: 0 },
      ];
      const life = { name: 'tidy', steps: [...steps, ...more] };
      await new Keeper(new Caller(api.url, TOKEN), journal).keep(life, stopping.signal);
      journal.close();
    };
    const first = new Journal(join(folder, 'first'));
    await keep(first, []);

    // The answers to both were lost with the client.
    const second = new Journal(join(folder, 'second'));
    for (const entry of first.entries) if (entry.what === 'asked') second.write(entry);
    stopping.abort();
    await keep(second, [{ act: 'look', afterMs: 600_000 }]);

    const { schedules } = (await api.get('/schedules')).body;
    expect(schedules).toMatchObject([{ name: 'tidy', paused: true }]);
    expect((await api.get('/events?type=task.created')).body.events).toHaveLength(1);
    const [before, after] = ['first', 'second'].map((name) => keptIn(join(folder, name))[0]?.steps ?? []);
    expect(after?.map(({ asked }) => asked.act)).toEqual(['create', 'run', 'look', 'pause']);
    expect(after?.[0]?.told?.schedule).toMatchObject(before?.[0]?.told?.schedule ?? {});
    expect(after?.[1]?.told?.taskId).toBe(before?.[1]?.told?.taskId);
  });
});
