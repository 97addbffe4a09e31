/** Submits tasks and follows them, and writes in its journal what it was told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Answered, Caller } from './caller.ts';
import type { Journal } from './journal.ts';
import { type Lane, type Parcel, taskOf, type Work } from './work.ts';

interface Receipt {
  taskId?: string;
  tasks?: { taskId: string }[];
}

interface Outcome {
  exitCode?: number;
  stdout?: string;
}

const WAIT_MS = 2_000;

export class Submitter {
  readonly #caller: Caller;
  readonly #journal: Journal;

  constructor(caller: Caller, journal: Journal) {
    this.#caller = caller;
    this.#journal = journal;
  }

  /** The ids of the tasks, once they are acknowledged; null for what is refused. Never submits twice. */
  async submit(parcel: Parcel, lane: Lane): Promise<(string | null)[]> {
    const told = parcel.works.flatMap(({ key }) => this.#idOf(key) ?? []);
    if (told.length === parcel.works.length) return told;
    this.#intend(parcel, lane);
    const { path, body, key } = requestOf(parcel);
    const headers = { 'idempotency-key': key };
    return this.#note(parcel, await this.#caller.call(path, { method: 'POST', body, headers }));
  }

  /** Asks once, and never again: what is not answered may have been stored, or not. */
  async submitOnce(parcel: Parcel, lane: Lane): Promise<void> {
    this.#intend(parcel, lane);
    const { path, body } = requestOf(parcel);
    const answer = await this.#caller.once<Receipt>(path, { method: 'POST', body });
    if (answer !== null) this.#note(parcel, answer);
  }

  async cancel({ key, cancelAfterMs }: Work, taskId: string): Promise<void> {
    if (cancelAfterMs === null) return;
    await pause(cancelAfterMs);
    this.#journal.write({ what: 'cancel', key });
    await this.#caller.call(`/tasks/${taskId}/cancel`, { method: 'POST' });
  }

  /** Waits for its outcome without consuming it; starts anew what failed, where that is planned. */
  async follow({ key, retry }: Work, taskId: string, signal: AbortSignal): Promise<void> {
    if (this.#journal.entries.some((entry) => entry.key === key && entry.what === 'outcome')) return;
    while (!signal.aborted) {
      const path = `/tasks/${taskId}?wait=${WAIT_MS}&keep=1`;
      const { body } = await this.#caller.call<Outcome>(path, { waitMs: WAIT_MS }, signal);
      const { exitCode, stdout = '' } = body;
      if (exitCode === undefined) continue;
      this.#journal.write({ what: 'outcome', key, exitCode, stdout });
      if (retry) await this.#retry(key, taskId);
      return;
    }
  }

  /** Asked for once, answered or not: so a task ends twice at most, and both outcomes are known. */
  async #retry(key: string, taskId: string): Promise<void> {
    this.#journal.write({ what: 'retry', key });
    await this.#caller.once(`/tasks/${taskId}/retry`, { method: 'POST' });
  }

  #intend({ works, batch }: Parcel, lane: Lane): void {
    const known = new Set(this.#journal.entries.map(({ key }) => key));
    for (const { key, index } of works)
      if (!known.has(key)) this.#journal.write({ what: 'intent', key, lane, index });
    if (batch !== null && !known.has(batch))
      this.#journal.write({ what: 'batch', key: batch, size: works.length });
  }

  #note({ works }: Parcel, { status, body }: Answered<Receipt>): (string | null)[] {
    const ids = body.tasks?.map(({ taskId }) => taskId) ?? [body.taskId];
    return works.map(({ key }, at) => {
      const taskId = status === 200 ? ids[at] : undefined;
      if (taskId === undefined) this.#journal.write({ what: 'refused', key, answer: JSON.stringify(body) });
      else if (this.#idOf(key) === undefined) this.#journal.write({ what: 'acknowledged', key, taskId });
      return taskId ?? null;
    });
  }

  #idOf(key: string): string | undefined {
    const mine = this.#journal.entries.filter((entry) => entry.key === key);
    return mine.find((entry) => entry.what === 'acknowledged')?.taskId;
  }
}

function requestOf({ works, batch }: Parcel): { path: string; body: object; key: string } {
  const [only] = works;
  if (batch === null && only !== undefined) return { path: only.route, body: only.body, key: only.key };
  return { path: '/tasks/batch', body: { tasks: works.map(taskOf) }, key: String(batch) };
}
