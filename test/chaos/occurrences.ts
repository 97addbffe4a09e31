/** What became of the occurrences of schedules, as the events tell it. */
import type { Event } from '../../src/queue/events.ts';

/** One that was run or skipped. */
export interface Passed {
  /** Epoch milliseconds; null for a run by hand. */
  occurrence: number | null;
  how: 'run' | 'skipped';
  /** Of the run; of one that was skipped, the unfinished one that it was skipped for. */
  taskId: string;
  seq: number;
  /** When it was told, in epoch milliseconds. */
  at: number;
}

/** Those that fell into a time in which nobody was there: all of them are one, which may be run. */
export interface Missed {
  since: number;
  until: number;
  runs: boolean;
  at: number;
}

export interface Passings {
  /** In their order. */
  passed: Passed[];
  missed: Missed[];
}

interface Details {
  scheduleId?: string;
  occurrence: number | null;
  unfinishedTaskId: string;
  since: number;
  until: number;
  runs: boolean;
}

/** By the id of the schedule. */
export function passingsIn(log: readonly Event[]): Map<string, Passings> {
  const all = new Map<string, Passings>();
  for (const event of log) {
    const details = event.details as Details | null;
    if (details?.scheduleId === undefined) continue;
    const of = all.get(details.scheduleId) ?? { passed: [], missed: [] };
    all.set(details.scheduleId, of);
    add(of, event, details);
  }
  return all;
}

function add(
  { passed, missed }: Passings,
  { type, seq, createdAt: at, taskId }: Event,
  details: Details,
): void {
  const { occurrence, unfinishedTaskId, since, until, runs } = details;
  if (type === 'task.created') passed.push({ occurrence, how: 'run', taskId: String(taskId), seq, at });
  if (type === 'schedule.skipped')
    passed.push({ occurrence, how: 'skipped', taskId: unfinishedTaskId, seq, at });
  if (type === 'schedule.missed') missed.push({ since, until, runs, at });
}

export const FINAL = ['task.completed', 'task.failed', 'task.cancelled'];

/** The `seq` of the event with which each task ended first. */
export function endingsIn(log: readonly Event[]): Map<string, number> {
  const endings = new Map<string, number>();
  for (const { type, taskId, seq } of log)
    if (FINAL.includes(type) && taskId !== null && !endings.has(taskId)) endings.set(taskId, seq);
  return endings;
}
