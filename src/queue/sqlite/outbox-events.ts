import { shownTarget } from '../../destination.ts';
import type { PauseOf } from '../callbacks.ts';
import type { EventType } from '../events.ts';
import { type JsonObject, UNKNOWN_PROVENANCE } from '../task.ts';
import type { Core } from './core.ts';
import type { CallbackRow } from './outbox-rows.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** The events of callbacks, each with its task, which may be gone by then. */
export class OutboxEvents {
  readonly #core: Core;
  readonly #task;

  constructor(core: Core) {
    this.#core = core;
    this.#task = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
  }

  write(tx: Transaction, row: CallbackRow, type: EventType, more: JsonObject): void {
    const details = { kind: row.kind, target: shownTarget(row), ...more, callbackId: row.id };
    const task = this.#task.get(row.task_id);
    if (task !== undefined) {
      this.#core.tail.ofTask(tx, type, task, task.status, details);
      return;
    }
    const unknown = { taskType: row.task_type, taskStatus: null, sessionId: null, ...UNKNOWN_PROVENANCE };
    this.#core.tail.write(tx, { type, taskId: row.task_id, ...unknown, details });
  }
}

/** In the event of the message that has learned of it: what is paused may be more than where that one goes. */
export function shownPause({ kind, target }: PauseOf): JsonObject {
  if (target === null) return { kind, target: null, scope: 'credential' };
  return { kind, target: shownTarget({ kind, target }), scope: 'destination' };
}
