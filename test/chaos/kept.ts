/** What is to be said of the schedules: what their clients were told, against what the events tell. */
import type { Event } from '../../src/queue/events.ts';
import type { Schedule } from '../../src/queue/schedules.ts';
import type { JsonObject } from '../../src/queue/task.ts';
import type { Asked, Told } from './journal.ts';
import { periodOf, type ScheduleFields } from './lives.ts';
import { endingsIn, type Passed, type Passings, passingsIn } from './occurrences.ts';

/** A schedule as its client wrote of it, step by step. */
export interface Kept {
  name: string;
  steps: readonly { asked: Asked; told?: Told }[];
}

export interface Schedules {
  kept: readonly Kept[];
  /** As the Task API lists them at the end. */
  listed: readonly Schedule[];
  /** All events, oldest first. */
  log: readonly Event[];
}

export const SCHEDULE_FAULTS = [
  'occurrencesRepeated',
  'occurrencesLost',
  'occurrencesStray',
  'overlapBreaks',
  'schedulesLost',
  'runNowLost',
] as const;
export type ScheduleFindings = Record<(typeof SCHEDULE_FAULTS)[number], string[]>;

export function judgeSchedules({ kept, listed, log }: Schedules): ScheduleFindings {
  const passings = passingsIn(log);
  const endings = endingsIn(log);
  const known = new Set(kept.map(idOf));
  const none: Passings = { passed: [], missed: [] };
  const of = (look: (kept: Kept, passings: Passings) => string[]) =>
    kept.flatMap((each) =>
      look(each, passings.get(idOf(each) ?? '') ?? none).map((found) => `${each.name}: ${found}`),
    );
  const unknown = [...new Set([...passings.keys(), ...listed.map(({ id }) => id)])].filter(
    (id) => !known.has(id),
  );
  return {
    occurrencesRepeated: of((_, all) => repeatedIn(all)),
    occurrencesLost: of(lostOf),
    occurrencesStray: of(strayOf),
    overlapBreaks: of((each, { passed }) => overlapBreaksIn(passed, fieldsOf(each).overlap, endings)),
    schedulesLost: [
      ...of((each) => changedIn(each, listed)),
      ...unknown.map((id) => `nobody was told of schedule ${id}`),
    ],
    runNowLost: of(runNowLostOf),
  };
}

/** Undefined for one that was never acknowledged. */
export function idOf({ steps }: Kept): string | undefined {
  return steps[0]?.told?.schedule?.id;
}

/** As it was acknowledged last: what it was made with, and every change. */
function fieldsOf({ steps }: Kept): ScheduleFields {
  return Object.assign({}, ...steps.map(({ asked }) => asked.body ?? {}));
}

/** One passes once: run, skipped or missed. The last of those that were missed may be run or skipped as well. */
function repeatedIn({ passed, missed }: Passings): string[] {
  const byTime = Map.groupBy(occurring(passed), ({ occurrence }) => occurrence);
  const twice = [...byTime].flatMap(([at, all]) =>
    all.length < 2 ? [] : `${shown(at)} passed ${all.length} times: ${all.map(said).join(', ')}`,
  );
  const late = occurring(passed).flatMap((one) => {
    const { occurrence } = one;
    const isOver = missed.some(
      ({ since, until, runs }) =>
        since <= occurrence && (occurrence < until || (occurrence === until && one.how === 'run' && !runs)),
    );
    return isOver ? `${shown(occurrence)} was missed, and ${said(one)}` : [];
  });
  const again = missed.filter(({ since }, at) => missed.slice(0, at).some(({ until }) => since <= until));
  return [...twice, ...late, ...again.map(({ since }) => `${shown(since)} was missed twice`)];
}

/** Occurrences of a time in which it was active for certain: from the one that was next until the one that was next then. */
interface Span {
  from: number;
  to: number;
  /** Milliseconds between them. */
  period: number;
  /** When the second one was seen, in epoch milliseconds. */
  seenAt: number;
}

function spansOf({ steps }: Kept): Span[] {
  const spans: Span[] = [];
  let active: { from: number; period: number } | null = null;
  for (const { asked, told } of steps) {
    const next = told?.schedule?.nextRunAt ?? null;
    if (asked.act === 'look' && told !== undefined && active !== null && next !== null) {
      spans.push({ ...active, to: next, seenAt: told.at });
      active = { from: next, period: active.period };
    }
    const isAnew = asked.act === 'create' || asked.act === 'resume' || asked.body?.cron !== undefined;
    if (isAnew) active = next === null ? null : { from: next, period: periodOf(told?.schedule?.cron ?? '') };
    if (asked.act === 'pause') active = null;
  }
  return spans;
}

/** When it was paused or gone for certain. */
function restsOf({ steps }: Kept): { from: number; to: number }[] {
  return steps.flatMap(({ asked, told }, at) => {
    if (told === undefined || (asked.act !== 'pause' && asked.act !== 'remove')) return [];
    return { from: told.at, to: steps[at + 1]?.asked.at ?? Number.POSITIVE_INFINITY };
  });
}

function lostOf(kept: Kept, { passed, missed }: Passings): string[] {
  const seen = new Set(passed.map(({ occurrence }) => occurrence));
  const isMissed = (at: number) => missed.some(({ since, until }) => since <= at && at <= until);
  const gone = spansOf(kept).flatMap((span) => timesIn(span).filter((at) => !seen.has(at) && !isMissed(at)));
  const isOnce = fieldsOf(kept).missed === 'once';
  const undone = missed.filter(({ until, runs }) => (runs || isOnce) && !seen.has(until));
  return [
    ...gone.map((at) => `${shown(at)} was neither run nor skipped nor missed`),
    ...undone.map(
      ({ since, until }) => `${shown(since)} to ${shown(until)} were missed, and nothing made up for it`,
    ),
  ];
}

function timesIn({ from, to, period }: Span): number[] {
  const first = Math.ceil(from / period) * period;
  return Array.from(
    { length: Math.max(0, Math.ceil((to - first) / period)) },
    (_, at) => first + at * period,
  );
}

/** What is no occurrence: before its time, beside its rhythm, while it rests, or a run that nobody asked for. */
function strayOf(kept: Kept, { passed, missed }: Passings): string[] {
  const all = occurring(passed);
  const early = all.filter(({ occurrence, at }) => at < occurrence);
  // An edit may bring about some before the one that was next.
  const beside = spansOf(kept).flatMap(({ from, seenAt, period }) =>
    all.filter(({ occurrence, at }) => from <= occurrence && at < seenAt && occurrence % period !== 0),
  );
  const rests = restsOf(kept);
  const isResting = ({ at }: { at: number }) => rests.some(({ from, to }) => from < at && at < to);
  const asked = kept.steps.filter(({ asked: { act } }) => act === 'run').length;
  const byHand = passed.length - all.length;
  const told = (one: (typeof all)[number], how: string) => `${shown(one.occurrence)}: ${said(one)}${how}`;
  return [
    ...early.map((one) => told(one, ' before its time')),
    ...beside.map((one) => told(one, ', and it is none')),
    ...all.filter(isResting).map((one) => told(one, ' while it was to rest')),
    ...missed.filter(isResting).map(({ since }) => `${shown(since)}: it was missed while it was to rest`),
    ...(byHand > asked ? [`it was run by hand ${byHand} times, and asked to ${asked} times`] : []),
  ];
}

function overlapBreaksIn(
  passed: readonly Passed[],
  overlap: ScheduleFields['overlap'],
  endings: ReadonlyMap<string, number>,
): string[] {
  const isOver = (taskId: string, seq: number) => (endings.get(taskId) ?? Number.POSITIVE_INFINITY) < seq;
  return passed.flatMap((one, at) => {
    const { seq, taskId } = one;
    if (one.how === 'skipped') {
      if (overlap === 'queue') return `${said(one)}, and was to wait in line`;
      return isOver(taskId, seq) ? `${said(one)}, and that had ended` : [];
    }
    if (overlap === 'queue' || one.occurrence === null) return [];
    const open = passed.slice(0, at).find((each) => each.how === 'run' && !isOver(each.taskId, seq));
    return open === undefined ? [] : `${said(one)} while ${open.taskId} was unfinished`;
  });
}

function changedIn(kept: Kept, listed: readonly Schedule[]): string[] {
  const { steps, name } = kept;
  const faults: string[] = [];
  const expected: ScheduleFields = {};
  for (const { asked, told } of steps) {
    Object.assign(expected, asked.body);
    if (told === undefined || asked.act === 'run') continue;
    if (asked.act === 'remove') {
      // Gone already, by a request that had no answer.
      const isDone = told.status === 200 || (told.status === 404 && told.isDoubtful);
      if (!isDone) faults.push(`remove was answered ${told.status}`);
    } else if (told.schedule === undefined) faults.push(`${asked.act} was answered ${told.status}`);
    else if (!isAs(expected, told.schedule))
      faults.push(`${asked.act} showed ${JSON.stringify(told.schedule)}`);
  }
  const last = steps.at(-1)?.asked.act;
  const found = listed.find((each) => each.name === name);
  if (last === 'remove' && found !== undefined) faults.push('it was deleted, and is there');
  if (last !== 'remove' && idOf(kept) !== undefined && (found === undefined || !isAs(expected, found)))
    faults.push(`at the end it is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  return faults;
}

function isAs(expected: ScheduleFields, schedule: Schedule): boolean {
  const sorted = (value: object) => JSON.stringify(Object.entries(value).sort());
  const { task = {}, ...rule } = expected;
  const isSame = Object.entries(rule).every(([field, value]) => schedule[field as keyof Schedule] === value);
  return isSame && sorted(shownTask(task)) === sorted(schedule.task);
}

/** Credentials are never shown. */
function shownTask({ callback, ...task }: JsonObject): JsonObject {
  if (callback === undefined) return task;
  const { token: _token, secret: _secret, ...shown } = callback as JsonObject;
  return { ...task, callback: shown };
}

function runNowLostOf({ steps }: Kept, { passed }: Passings): string[] {
  return steps.flatMap(({ asked, told }) => {
    if (asked.act !== 'run' || told === undefined) return [];
    if (told.status !== 200) return `a run by hand was answered ${told.status}`;
    const isThere = passed.some(({ occurrence, taskId }) => occurrence === null && taskId === told.taskId);
    return isThere ? [] : `it was to be run by hand, and there is no task ${told.taskId}`;
  });
}

function occurring(passed: readonly Passed[]): (Passed & { occurrence: number })[] {
  return passed.flatMap((one) => (one.occurrence === null ? [] : { ...one, occurrence: one.occurrence }));
}

function said({ how, taskId }: Passed): string {
  return how === 'run' ? `it was run as ${taskId}` : `it was skipped for ${taskId}`;
}

function shown(at: number): string {
  return new Date(at).toISOString();
}
