/** The events of a task, checked against the arrows of docs/architecture.md. */
import type { Event } from '../../src/queue/events.ts';
import type { JsonObject, TaskState } from '../../src/queue/task.ts';

/** Where a story has come to. `held`: pending, but the holder of the lease that was lost may still finish. */
type Place = 'nowhere' | 'pending' | 'held' | 'running' | 'ending' | 'completed' | 'failed' | 'cancelled';

export interface Told {
  place: Place;
  attempt: number;
  lost: number;
  /** Claims that were told of, those of an attempt that was taken up again left out. */
  starts: number;
  isCancelling: boolean;
}

const FINAL: readonly string[] = ['completed', 'failed', 'cancelled'];
const SILENT: readonly string[] = ['task.late_result', 'task.reconciled'];
/** Of the messages that tell of it. */
const OF_CALLBACKS = /^callback\./;

/** What is wrong with a task's events, oldest first, and with its state as it was after the last of them; null: nothing. */
export function faultIn(events: readonly Event[], state: TaskState): string | null {
  let told = BEGINNING;
  let last = 0;
  for (const event of events) {
    const next = event.seq > last ? follow(told, event) : null;
    if (next === null) return `${event.type} can't follow there: ${outline(events)}`;
    told = next;
    last = event.seq;
  }
  return isStateOf(told, state) ? null : `its state is ${shown(state)}, its events say ${outline(events)}`;
}

export function startsIn(events: readonly Event[]): number {
  return events.filter((event) => event.type === 'task.started' && !detail(event, 'reattached')).length;
}

const BEGINNING: Told = { place: 'nowhere', attempt: 0, lost: 0, starts: 0, isCancelling: false };

/** Null: no arrow leads there. */
function follow(told: Told, event: Event): Told | null {
  const { type, taskStatus } = event;
  const isPending = told.place === 'pending' || told.place === 'held';
  if (SILENT.includes(type) || OF_CALLBACKS.test(type)) return told.place === 'nowhere' ? null : told;
  switch (type) {
    case 'task.created':
      return told.place === 'nowhere' && taskStatus === 'pending' ? { ...told, place: 'pending' } : null;
    case 'task.started':
      return isPending && taskStatus === 'running' ? started(told, event) : null;
    case 'task.lease_lost':
    case 'task.released':
    case 'task.requeued':
      return told.place === 'running' ? putBack(told, event) : null;
    case 'task.cancel_requested':
      return told.place === 'running' && !told.isCancelling ? { ...told, isCancelling: true } : null;
    case 'task.expired':
      return isPending ? { ...told, place: 'ending' } : null;
    case 'task.retried':
      return retried(told, taskStatus);
    default:
      return ended(told, type, taskStatus);
  }
}

function started(told: Told, event: Event): Told | null {
  const attempt = detail(event, 'attempt');
  if (detail(event, 'reattached')) {
    if (told.place !== 'held' || attempt !== told.attempt) return null;
    return { ...told, place: 'running', lost: told.lost - 1 };
  }
  if (told.isCancelling || attempt !== told.attempt + 1) return null;
  return { ...told, place: 'running', attempt, starts: told.starts + 1 };
}

/** A task that was to be cancelled, or was lost for the last time, ends with the next event. */
function putBack(told: Told, event: Event): Told | null {
  const isLost = event.type === 'task.lease_lost';
  const lost = told.lost + (isLost ? 1 : 0);
  if (isLost && detail(event, 'lost') !== lost) return null;
  if (event.taskStatus === 'running') return { ...told, lost, place: 'ending' };
  if (event.taskStatus !== 'pending' || told.isCancelling) return null;
  return { ...told, lost, place: isLost ? 'held' : 'pending' };
}

/** By a client's wish, when it had ended; or since it failed, and has retries left. */
function retried(told: Told, taskStatus: string | null): Told | null {
  if (taskStatus !== 'pending') return null;
  if (told.place === 'failed' || told.place === 'cancelled')
    return { ...told, place: 'pending', lost: 0, isCancelling: false };
  const hasFailed = told.place === 'running' || told.place === 'held';
  return hasFailed && !told.isCancelling ? { ...told, place: 'pending' } : null;
}

/** The last arrow, and the state that it leads to: once. */
function ended(told: Told, type: string, taskStatus: string | null): Told | null {
  const place = FINAL.find((status) => type === `task.${status}`) as Place | undefined;
  if (place === undefined || taskStatus !== place) return null;
  const isOpen = told.place === 'running' || told.place === 'held' || told.place === 'ending';
  return isOpen || (told.place === 'pending' && place === 'cancelled') ? { ...told, place } : null;
}

function isStateOf(told: Told, state: TaskState): boolean {
  const place = told.place === 'held' ? 'pending' : told.place;
  return place === state.status && told.attempt === state.attempt && told.lost === state.lost;
}

function detail({ details }: Event, name: string): JsonObject[string] | undefined {
  return (details as JsonObject | null)?.[name];
}

function shown({ status, attempt, lost }: TaskState): string {
  return `${status}, attempt ${attempt}, lost ${lost}`;
}

function outline(events: readonly Event[]): string {
  return events.map(({ type }) => type.replace('task.', '')).join(' → ');
}
