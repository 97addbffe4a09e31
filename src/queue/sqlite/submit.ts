import { channelOf } from '../../destination.ts';
import { AppError } from '../../errors.ts';
import { DEFAULT_MAX_ATTEMPTS, DEFAULT_QUEUE, DEFAULT_RETRY_BACKOFF_MS, type NewTask } from '../task.ts';
import type { Once, Receipt, Receipts } from '../task-queue.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import type { Idempotency } from './idempotency.ts';
import { orderedId } from './ids.ts';
import type { Line } from './line.ts';
import type { QueuedTask, TaskRow } from './rows.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';

interface SubmissionParts {
  line: Line;
  sessions: Sessions;
  budgets: Budgets;
  idempotency: Idempotency;
}

type NewRow = TaskRow & { payload: string };

/** submitted → pending. */
export class Submissions {
  readonly #core: Core;
  readonly #line: Line;
  readonly #sessions: Sessions;
  readonly #budgets: Budgets;
  readonly #idempotency: Idempotency;
  readonly #sql;
  /** The highest `seq` that was ever given; those of a commit that failed stay unused. */
  #lastSeq: number;

  constructor(core: Core, parts: SubmissionParts) {
    this.#core = core;
    this.#line = parts.line;
    this.#sessions = parts.sessions;
    this.#budgets = parts.budgets;
    this.#idempotency = parts.idempotency;
    this.#sql = prepare(core);
    this.#lastSeq = this.#sql.lastSeq.get() ?? 0;
  }

  submit(tx: Transaction, task: NewTask, once?: Once): Receipt {
    return this.#idempotency.once(once, () => {
      this.#checkRoom(tx, 1);
      return this.#store(tx, task, true);
    });
  }

  /** All or none, in this order. */
  submitAll(tx: Transaction, tasks: readonly NewTask[], once?: Once): Receipts {
    return this.#idempotency.once(once, () => {
      this.#checkRoom(tx, tasks.length);
      return { tasks: tasks.map((task, index) => this.#storeAt(index, tx, task)) };
    });
  }

  #storeAt(index: number, tx: Transaction, task: NewTask): Receipt {
    try {
      return this.#store(tx, task, false);
    } catch (error) {
      if (!(error instanceof AppError) || error.field === undefined) throw error;
      throw new AppError(error.code, error.message, { field: `tasks.${index}.${error.field}` });
    }
  }

  #store(tx: Transaction, task: NewTask, isAlone: boolean): Receipt {
    const row = this.#toRow(task);
    const head = row.session_key === null ? undefined : this.#line.head(row.session_key);
    checkQueue(row, head);
    this.#budgets.admit(row, task.sessionBudgetUsd);
    row.seq = ++this.#lastSeq;
    if (head === undefined) row.ready_job = this.#line.placeNew(tx, row, isAlone);
    this.#insert(row);
    this.#core.tags.add(row.seq, task.tags ?? []);
    tx.count('tasks/pending', 1);
    this.#core.tail.ofTask(tx, 'task.created', row, 'pending', task.comesFrom ?? null);
    if (task.sessionId !== null) {
      const callbackChannel = channelOf(task.callback);
      this.#sessions.touch(tx, { sessionId: task.sessionId, type: task.type, callbackChannel, tasks: 1 });
    }
    if (head !== undefined) this.#line.enter(tx, row);
    return { taskId: row.id, sessionId: task.sessionId };
  }

  #checkRoom(tx: Transaction, more: number): void {
    const { counters, options } = this.#core;
    const waiting = counters.read('tasks/pending') + (tx.counts.get('tasks/pending') ?? 0);
    if (waiting + more <= options.maxPending) return;
    const limit = `${waiting} of at most ${options.maxPending} tasks wait already`;
    throw new AppError('queue_full', `${limit}; there is no room for ${more} more`);
  }

  /** By position, which takes half the time of names. */
  #insert(row: NewRow): void {
    const always = [...ALWAYS.map((column) => row[column]), this.#core.uptime.now()];
    if (RARE.every((column) => row[column] === USUAL[column])) this.#sql.insertUsual.run(...always);
    else this.#sql.insert.run(...always, ...RARE.map((column) => row[column]));
  }

  #toRow(task: NewTask): NewRow {
    const now = this.#core.clock.wall();
    const { due_up, due_wall, due_at } = this.#dueOf(task, now);
    return {
      ...UNCLAIMED,
      id: orderedId(now),
      type: task.type,
      queue: task.queue ?? DEFAULT_QUEUE,
      priority: task.priority ?? 0,
      session_id: task.sessionId,
      session_key: task.sessionKey,
      callback: task.callback === null ? null : JSON.stringify(task.callback),
      timeout_ms: task.timeoutMs,
      origin: task.provenance.origin,
      dispatch_mode: task.provenance.dispatchMode,
      response_mode: task.provenance.responseMode,
      entrypoint: task.provenance.entrypoint,
      max_attempts: task.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
      retries: task.retries ?? 0,
      retry_backoff_ms: task.retryBackoffMs ?? DEFAULT_RETRY_BACKOFF_MS,
      lease_ms: task.leaseMs ?? null,
      due_up,
      due_wall,
      due_at,
      tags: task.tags?.length ? JSON.stringify(task.tags) : null,
      schedule_id: task.comesFrom?.scheduleId ?? null,
      created_at: now,
      payload: JSON.stringify(task.payload),
    };
  }

  /** A delay passes with the database's uptime, whatever the clock shows; a time is a time of the clock. */
  #dueOf({ delayMs = 0, runAt }: NewTask, now: number): Pick<TaskRow, 'due_up' | 'due_wall' | 'due_at'> {
    if (runAt !== undefined && runAt > now) return { due_up: null, due_wall: runAt, due_at: runAt };
    if (delayMs > 0)
      return { due_up: this.#core.uptime.now() + delayMs, due_wall: null, due_at: now + delayMs };
    return { due_up: null, due_wall: null, due_at: null };
  }
}

/** What a task has not had yet. */
const UNCLAIMED = {
  seq: 0,
  status: 'pending',
  attempt: 0,
  lost: 0,
  failures: 0,
  lease_id: null,
  runner_id: null,
  instance_id: null,
  cancel_requested: 0,
  ready_job: null,
  started_at: null,
  completed_at: null,
  read_at: null,
} as const;

/** What each task is stored with. */
const ALWAYS = [
  ...(['seq', 'id', 'type', 'session_id', 'session_key', 'timeout_ms', 'origin'] as const),
  ...(['dispatch_mode', 'response_mode', 'ready_job', 'created_at', 'payload'] as const),
];

/** What few tasks ask for: where none of it is asked for, half as much is bound, which takes 3 µs less. */
const USUAL = {
  queue: DEFAULT_QUEUE,
  priority: 0,
  callback: null,
  entrypoint: null,
  max_attempts: DEFAULT_MAX_ATTEMPTS,
  retries: 0,
  retry_backoff_ms: DEFAULT_RETRY_BACKOFF_MS,
  lease_ms: null,
  due_up: null,
  due_wall: null,
  due_at: null,
  tags: null,
  schedule_id: null,
} as const satisfies Partial<TaskRow>;
const RARE = Object.keys(USUAL) as (keyof typeof USUAL)[];

/** `head`: the unfinished task of its key that is first in line. */
function checkQueue(task: TaskRow, head: QueuedTask | undefined): void {
  if (head === undefined || head.queue === task.queue) return;
  throw new AppError(
    'session_queue_mismatch',
    `The unfinished tasks of this session are in the queue "${head.queue}"; submit to that queue, or wait until they are done`,
    { field: 'queue' },
  );
}

function prepare({ db }: Core) {
  const insert = `INSERT INTO tasks (status, ${ALWAYS}, retained_from, ${RARE})
    VALUES ('pending', ${ALWAYS.map(() => '?')}, ?,`;
  return {
    lastSeq: db.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'tasks'`).pluck(),
    insert: db.prepare<unknown[]>(`${insert} ${RARE.map(() => '?')})`),
    insertUsual: db.prepare<unknown[]>(`${insert} ${RARE.map((column) => literal(USUAL[column]))})`),
  };
}

/** Of a constant of ours, as SQL. */
function literal(value: string | number | null): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
