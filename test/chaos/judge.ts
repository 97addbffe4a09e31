/** What is to be said of a run, from what it left: pure, so that it can be tested with histories that are made up. */
import type { Event } from '../../src/queue/events.ts';
import type { Result, TaskState } from '../../src/queue/task.ts';
import { CALLBACK_FAULTS, type Called, isTold, judgeCallbacks } from './channels.ts';
import { type Followed, streamFaultsIn } from './heard.ts';
import { judgeSchedules, SCHEDULE_FAULTS, type Schedules } from './kept.ts';
import { attemptIn, type Mark, orderBreaksIn, overlapsIn, startsOf, type World } from './marks.ts';
import { faultIn, startsIn } from './story.ts';
import type { Work } from './work.ts';

/** One acknowledged task, as everyone saw it. */
export interface Acknowledged {
  work: Work;
  taskId: string;
  /** A client has asked for it. */
  wasCancelled: boolean;
  wasRetried: boolean;
  /** What a client was told before the end. */
  told: readonly { exitCode: number; stdout: string }[];
  /** As the Task API has it at the end; null: it doesn't know it. */
  state: TaskState | null;
  result: Result | null;
  /** Oldest first. */
  events: readonly Event[];
  /** For one that has not ended: why it is where it is. */
  why: string | null;
}

/** Tasks that were submitted in one request. */
export interface Batch {
  key: string;
  size: number;
  isAcknowledged: boolean;
  /** So many of them the Task API has. */
  found: number;
}

export interface History {
  tasks: readonly Acknowledged[];
  /** Submissions that never were acknowledged, and what they were answered. */
  refused: readonly string[];
  /** Tasks of the Task API that nobody was told of. */
  unknown: readonly string[];
  /** Tasks that had to be put back into the ready list, since something had forgotten them. */
  forgotten: readonly string[];
  world: World;
  schedules: Schedules;
  batches: readonly Batch[];
  /** By a client that followed the stream of events. */
  followed: Followed;
  called: Called;
}

export const FAULTS = [
  'lost',
  'duplicateResults',
  'overlaps',
  'orderBreaks',
  'eventMismatches',
  'stuck',
  'strayed',
  'batchesTorn',
  ...SCHEDULE_FAULTS,
  'streamMissed',
  ...CALLBACK_FAULTS,
] as const;
export type FaultName = (typeof FAULTS)[number];
export type Findings = Record<FaultName, string[]>;

/** A sentence for each fault; all are empty when nothing is wrong. */
export function judge(history: History): Findings {
  const { tasks, refused, unknown, forgotten, world, schedules, batches, followed, called } = history;
  const marksOf = (work: Work) => world.get(work.group) ?? [];
  const indexes = new Map(tasks.map(({ work }) => [work.key, work.index]));
  const groups = [...world.values()];
  const of = (look: (task: Acknowledged, marks: readonly Mark[]) => string | null) =>
    tasks.flatMap((task) => {
      const found = look(task, marksOf(task.work));
      return found === null ? [] : [`${task.work.key} (${task.taskId}): ${found}`];
    });
  return {
    lost: [...of(lossOf), ...refused.map((answer) => `a submission was refused: ${answer}`)],
    duplicateResults: [...of(duplicateOf), ...unknown.map((id) => `nobody was told of task ${id}`)],
    overlaps: groups.flatMap(overlapsIn),
    orderBreaks: groups.flatMap((marks) => orderBreaksIn(marks, indexes)),
    eventMismatches: of(mismatchOf),
    stuck: [...of(({ why }) => why), ...forgotten],
    strayed: of(strayOf),
    batchesTorn: batches.flatMap(tornIn),
    ...judgeSchedules(schedules),
    streamMissed: streamFaultsIn(followed, schedules.log),
    ...judgeCallbacks(tasks, called),
  };
}

/** Attempts after the first one, of all tasks. */
export function redeliveries(tasks: readonly Acknowledged[]): number {
  return tasks.reduce((sum, { events }) => sum + Math.max(0, startsIn(events) - 1), 0);
}

const LOST_FOR_GOOD = /^lost with its runner (once|\d+ times)$/;

/** Why it can't be said that it ended once, with the result of its own work. */
function lossOf(task: Acknowledged, marks: readonly Mark[]): string | null {
  const { state, result, work } = task;
  if (state === null) return 'acknowledged, and not known any more';
  if (state.status === 'pending' || state.status === 'running') return null;
  if (result === null) return `${state.status}, and without a result`;
  if (state.status === 'cancelled')
    return task.wasCancelled ? null : 'cancelled, and nobody had asked for it';
  if (state.status === 'failed' && LOST_FOR_GOOD.test(String(result.error))) return null;
  if (result.exitCode !== work.exitCode || (state.status === 'completed') !== (work.exitCode === 0))
    return `${state.status} with exit code ${result.exitCode} (${String(result.error)}), not ${work.exitCode}`;
  return isOfItsWork(result, work, marks)
    ? null
    : `its result is that of no attempt: ${attemptIn(result.stdout)}`;
}

/** The name that the result brings is that of an attempt which reached its end. */
function isOfItsWork({ stdout }: Result, { key }: Work, marks: readonly Mark[]): boolean {
  return marks.some((mark) => mark.what === 'end' && mark.key === key && mark.attempt === attemptIn(stdout));
}

/** A result beside or after another one, or one of an attempt that another had replaced. */
function duplicateOf(task: Acknowledged, marks: readonly Mark[]): string | null {
  const { result, told, wasRetried, work } = task;
  if (result === null) return null;
  const other = wasRetried ? undefined : told.find((early) => early.stdout !== result.stdout);
  if (other !== undefined)
    return `its result was ${attemptIn(other.stdout)} first, then ${attemptIn(result.stdout)}`;
  const attempts = startsOf(marks).filter(({ key }) => key === work.key);
  const at = attempts.findIndex(({ attempt }) => attempt === attemptIn(result.stdout));
  const later = at < 0 ? undefined : attempts[at + 1];
  return later === undefined ? null : `its result is that of an attempt that ${later.runner} had replaced`;
}

function mismatchOf(task: Acknowledged, marks: readonly Mark[]): string | null {
  const { work, state, events } = task;
  if (state === null) return null;
  const inTheWorld = startsOf(marks).filter(({ key }) => key === work.key).length;
  const told = startsIn(events);
  if (inTheWorld > told) return `it started ${inTheWorld} times, its events say ${told}`;
  const fault = faultIn(events, state);
  return fault === null && !isTold(task) ? 'its events do not tell once what became of its callback' : fault;
}

/** The files of a conversation are on one runner. */
function strayOf({ work }: Acknowledged, marks: readonly Mark[]): string | null {
  const [home] = startsOf(marks);
  if (work.route !== '/claude' || home === undefined) return null;
  const away = startsOf(marks).find(({ key, runner }) => key === work.key && runner !== home.runner);
  return away === undefined ? null : `it ran at ${away.runner}, its conversation is at ${home.runner}`;
}

/** All or none; all of what was acknowledged. */
function tornIn({ key, size, found, isAcknowledged }: Batch): string[] {
  if (found === size || (found === 0 && !isAcknowledged)) return [];
  return [`${key}: of ${size} tasks there are ${found}${isAcknowledged ? ', and it was acknowledged' : ''}`];
}
