/** What the clients know after the run: what was acknowledged, what was refused, what they never heard of. */
import type { Exchange } from './connection.ts';
import { type Outcome, outcomeOf } from './judge.ts';
import type { Shot } from './shot.ts';

export interface Entry {
  outcome: Outcome;
  authorized: boolean;
  expect: Shot['expect'];
}

export class Ledger {
  /** Acknowledged tasks, with the request that made them; undefined for an errand's. */
  readonly tasks = new Map<string, number | undefined>();
  /** Acknowledged events of clients. */
  readonly events = new Set<string>();
  readonly requests = new Map<number, Entry>();

  note(shot: Shot, exchange: Exchange): void {
    const { index, authorized, expect } = shot;
    this.requests.set(index, { outcome: outcomeOf(shot, exchange), authorized, expect });
    for (const { status, json } of exchange.answers) this.acknowledged(status, json, index);
  }

  /** An answer, to a request or to an errand. */
  acknowledged(status: number, json: unknown, index?: number): void {
    if (status !== 200 || typeof json !== 'object' || json === null) return;
    const { taskId, tasks, event } = json as { taskId?: unknown; tasks?: unknown; event?: { id?: unknown } };
    for (const id of [taskId, ...(Array.isArray(tasks) ? tasks.map(submitted) : [])])
      if (typeof id === 'string' && !this.tasks.has(id)) this.tasks.set(id, index);
    if (typeof event?.id === 'string') this.events.add(event.id);
  }

  count(outcome: Outcome): number {
    return [...this.requests.values()].filter((entry) => entry.outcome === outcome).length;
  }
}

/** The id in a receipt; a list has states, which acknowledge nothing. */
function submitted(task: object): unknown {
  return 'taskId' in task && !('status' in task) ? task.taskId : undefined;
}
