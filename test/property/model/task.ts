/** The words of the model. Tasks and leases have short names: `T3`, and `T3#2` for the lease of its second attempt. */
import type { NewTask, Poller, TaskStatus } from '../../../src/queue/index.ts';

/** Who may finish, extend or release a task: until another claim, a release or an accepted result. */
export interface Holder {
  lease: string;
  runner: string | null;
  instance: string | null;
}

export interface Task {
  name: string;
  spec: NewTask;
  /** Which schedule has submitted it. */
  schedule: string | null;
  status: TaskStatus;
  attempt: number;
  lost: number;
  failures: number;
  holder: Holder | null;
  cancelRequested: boolean;
  result: Result | null;
  /** Uptime before which it is not claimable; null when that is over. */
  due: number | null;
  /** Likewise, by the wall clock. */
  dueByWall: number | null;
  /** Uptime since which it is ready; null when it is not. */
  readySince: number | null;
  /** Uptime at which it ended, or at which its result was read. */
  agesFrom: number;
  /** On the wall clock, for people. */
  printed: Record<'created' | 'due' | 'started' | 'completed' | 'read', number | null>;
}

export interface Result {
  stdout: string;
  exitCode: number;
  error: string | null;
}

export interface Claim {
  task: string;
  lease: string;
  attempt: number;
  leaseMs: number;
  createdAt: number | null;
  startedAt: number | null;
}

/** `answer` is null while it waits, and a sentence with the code when it was refused. */
export interface Poll {
  poller: Poller;
  answer: Claim[] | string | null;
}

export class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** `now` is the uptime, `wall` the time that people read. */
export function newTask(name: string, spec: NewTask, now: number, wall: number): Task {
  const { delayMs = 0, runAt = 0 } = spec;
  const dueByWall = runAt > wall ? runAt : null;
  return {
    name,
    spec,
    schedule: null,
    status: 'pending',
    attempt: 0,
    lost: 0,
    failures: 0,
    holder: null,
    cancelRequested: false,
    result: null,
    due: delayMs > 0 ? now + delayMs : null,
    dueByWall,
    readySince: null,
    agesFrom: now,
    printed: {
      created: wall,
      due: delayMs > 0 ? wall + delayMs : dueByWall,
      started: null,
      completed: null,
      read: null,
    },
  };
}

const AGENTS = ['claude-cli', 'codex-cli', 'gemini-cli'];

export function isAgent({ type }: NewTask): boolean {
  return AGENTS.includes(type);
}

/** The files of conversations are of no use to a poller that takes none. */
export function takesAgents(poller: Poller): boolean {
  return poller.types.some((type) => AGENTS.includes(type));
}

export function isFinal({ status }: Task): boolean {
  return status !== 'pending' && status !== 'running';
}

/** Its time has not come, of whichever clock. */
export function isDelayed({ due, dueByWall }: Task): boolean {
  return due !== null || dueByWall !== null;
}

export function queueOf({ queue }: NewTask): string {
  return queue ?? 'default';
}

/** A queue, or the one runner that has the files of the conversation; and the type. */
export function laneOf(spec: NewTask, boundTo: string | undefined): string {
  return `${boundTo === undefined ? queueOf(spec) : `@${boundTo}`}|${spec.type}`;
}

export function serves({ runnerId, queues, types }: Poller, lane: string): boolean {
  const own = `@${runnerId ?? 'legacy'}`;
  return types.some((type) => [...queues, own].some((place) => lane === `${place}|${type}`));
}

/** Higher priorities first, then in the order of submission, which is that of the list. */
export function inOrder(tasks: Task[]): Task[] {
  return tasks.toSorted((a, b) => (b.spec.priority ?? 0) - (a.spec.priority ?? 0));
}

export function noOutput(error: string): Result {
  return { stdout: '', exitCode: -1, error };
}

/** A runner without heartbeats has the time that the task may take, and a minute; file tasks have ten minutes. */
export function leaseMsOf(spec: NewTask, runner: string | null, defaultMs: number): number {
  if (runner !== null) return spec.leaseMs ?? defaultMs;
  return spec.timeoutMs === null ? 600_000 : spec.timeoutMs + 60_000;
}

/** Between half and all of what doubles with each failure, at most 15 minutes. */
export function backoffBounds({ retryBackoffMs = 1_000 }: NewTask, failures: number): [number, number] {
  const most = Math.min(retryBackoffMs * 2 ** (failures - 1), 900_000);
  return [Math.floor(most / 2), most];
}

/** Why a report is not the holder's; null when it is. Without a lease it is an older runner's. */
export function refusalOf(task: Task, lease: string | null): string | null {
  if (isFinal(task)) return 'already_finished';
  if (task.attempt === 0) return 'not_running';
  if (lease !== null) return task.holder?.lease === lease ? null : 'lease_lost';
  if (task.holder === null) return 'not_running';
  return task.holder.runner === null ? null : 'lease_lost';
}
