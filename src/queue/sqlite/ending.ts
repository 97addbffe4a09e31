import { channelOf } from '../../destination.ts';
import type { EventType } from '../events.ts';
import type { FinalStatus, JsonObject, JsonValue } from '../task.ts';
import type { Announcements } from './announcements.ts';
import type { Core } from './core.ts';
import type { Line } from './line.ts';
import { callbackOf, type EndingTask, provenanceOf, sessionNamedIn } from './rows.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';

/** Event details carry this much of an error; the result has all of it. */
const EVENT_ERROR_CHARS = 2_000;

/** How a task ended. */
export interface Ending {
  status: FinalStatus;
  stdout: string;
  stderr: string;
  exitCode: number;
  error: JsonValue;
  metadata: JsonObject;
  /** The runner that reports it has sent the callback itself. */
  calledBack?: boolean;
}

/** The ending of a task that no runner reported on. */
export function noOutput(status: FinalStatus, error: string): Ending {
  return { status, stdout: '', stderr: '', exitCode: -1, error, metadata: {} };
}

/** The last arrow of every task: its stored result, its event, the callback that is owed, the next of its key. */
export class Endings {
  readonly #core: Core;
  readonly #line: Line;
  readonly #sessions: Sessions;
  readonly #announcements: Announcements;
  readonly #sql;

  constructor(core: Core, line: Line, sessions: Sessions, announcements: Announcements) {
    this.#core = core;
    this.#line = line;
    this.#sessions = sessions;
    this.#announcements = announcements;
    this.#sql = prepare(core);
  }

  /** `task` carries its counters as they are to be stored. */
  end(tx: Transaction, task: EndingTask, ending: Ending): void {
    const { clock, uptime, ready, leases, fresh } = this.#core;
    const { seq, lost, failures, lease_id: leaseId } = task;
    const completedAt = clock.wall();
    const metadata = { ...provenanceOf(task), ...ending.metadata };
    if (task.ready_job !== null) ready.drop(tx, task.ready_job);
    this.#sql.end.run(ending.status, completedAt, uptime.now(), lost, failures, seq);
    const { stdout, stderr, exitCode, error } = ending;
    const [errorText, metadataText] = [JSON.stringify(error), JSON.stringify(metadata)];
    this.#sql.result.run(seq, stdout, stderr, exitCode, errorText, metadataText);
    this.#book(tx, task, ending);
    const result = { taskId: task.id, stdout, stderr, exitCode, error, completedAt, metadata };
    const chars = stdout.length + stderr.length + errorText.length + metadataText.length;
    tx.after(() => fresh.keep(ending.status, result, chars));
    if (!ending.calledBack) this.#announcements.announce(tx, task, ending.status, result);
    this.#line.leave(tx, task);
    if (leaseId !== null) tx.after(() => leases.end(leaseId));
  }

  #book(tx: Transaction, task: EndingTask, { status, exitCode, error, metadata }: Ending): void {
    tx.count(`tasks/${task.status}`, -1);
    tx.count(`tasks/${status}`, 1);
    this.#core.tags.move(task, status);
    tx.count('results', 1);
    const named = sessionNamedIn(metadata);
    const details = { exitCode, error: shortened(error) };
    this.#core.tail.ofTask(tx, `task.${status}` satisfies EventType, task, status, details, named);
    if (named === null) return;
    const callbackChannel = channelOf(callbackOf(task));
    this.#sessions.touch(tx, { sessionId: named, type: task.type, callbackChannel, tasks: 0 });
  }
}

/** As much of an error as an event carries. */
export function shortened(error: JsonValue): JsonValue {
  const text = typeof error === 'string' ? error : JSON.stringify(error);
  return text.length <= EVENT_ERROR_CHARS ? error : `${text.slice(0, EVENT_ERROR_CHARS)}…`;
}

function prepare({ db }: Core) {
  return {
    end: db.prepare<[string, number, number, number, number, number]>(
      `UPDATE tasks SET status = ?, completed_at = ?, retained_from = ?, ready_job = NULL, due_up = NULL, due_wall = NULL,
         lost = ?, failures = ? WHERE seq = ?`,
    ),
    result: db.prepare<[number, string, string, number, string, string]>(
      'INSERT INTO results (seq, stdout, stderr, exit_code, error, metadata) VALUES (?, ?, ?, ?, ?, ?)',
    ),
  };
}
