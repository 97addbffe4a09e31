/** Submits tasks and follows them, and writes in its journal what it was told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Caller } from './caller.ts';
import type { Journal } from './journal.ts';
import type { Lane, Work } from './work.ts';

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

  /** The id of the task, once it is acknowledged; null when it is refused, or was. Never submits twice. */
  async submit(work: Work, lane: Lane): Promise<string | null> {
    const { key, index } = work;
    const mine = this.#journal.entries.filter((entry) => entry.key === key);
    const told = mine.find((entry) => entry.what === 'acknowledged');
    if (told !== undefined) return told.taskId;
    if (mine.length === 0) this.#journal.write({ what: 'intent', key, lane, index });
    const headers = { 'idempotency-key': key };
    const { route, body } = requestOf(work);
    const answer = await this.#caller.call<Receipt>(route, { method: 'POST', body, headers });
    const { taskId = answer.body.tasks?.[0]?.taskId } = answer.body;
    if (answer.status === 200 && taskId !== undefined) {
      this.#journal.write({ what: 'acknowledged', key, taskId });
      return taskId;
    }
    this.#journal.write({ what: 'refused', key, answer: JSON.stringify(answer) });
    return null;
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

  async #retry(key: string, taskId: string): Promise<void> {
    this.#journal.write({ what: 'retry', key });
    await this.#caller.call(`/tasks/${taskId}/retry`, { method: 'POST' });
  }
}

function requestOf({ route, body, batched }: Work): { route: string; body: object } {
  if (!batched) return { route, body };
  const type = route === '/claude' ? 'claude-cli' : 'command';
  return { route: '/tasks/batch', body: { tasks: [{ type, ...body }] } };
}
