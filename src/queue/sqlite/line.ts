import { isAgentType } from '../task.ts';
import type { Core } from './core.ts';
import { boundLaneOf, laneOf } from './parking.ts';
import { isDelayed, type OfferedTask, QUEUED_COLUMNS, type QueuedTask, UNFINISHED } from './rows.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';
import { Wake } from './wake.ts';

/** At most so many tasks fall due in one commit. */
const STEP = 64;

/** What is to be known of a task that leaves its line. */
type Left = Pick<QueuedTask, 'session_key' | 'status' | 'ready_job'>;

/**
 * Who is next: the tasks of one session key stand in line by `seq`, and only the head is ever ready. A task without
 * a key is its own head. When a head ends, the next becomes ready in the same transaction.
 */
export class Line {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #sql;
  readonly wake: Wake;

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
    this.#sql = prepare(core);
    this.wake = new Wake(core, (tx) => this.#fallDue(tx));
  }

  /** The unfinished task of a key with the lowest `seq`. */
  head(sessionKey: string): QueuedTask | undefined {
    return this.#sql.head.get(sessionKey);
  }

  /** The task of a key that is ready or runs; there is never more than one, and the schema says so too. */
  front(sessionKey: string): QueuedTask | undefined {
    return this.#sql.front.get(sessionKey);
  }

  /**
   * A new task that is its own head: what it is stored with as `ready_job`. One that comes alone, while somebody waits and
   * nothing is before it, is offered to who waits: the way through the ready list takes 50 µs.
   */
  placeNew(tx: Transaction, task: OfferedTask, isAlone: boolean): number | null {
    if (isDelayed(task)) tx.after(() => this.wake.plan());
    if (this.#isEarly(task)) return null;
    const lane = this.laneOf(task);
    const { ready, parking } = this.#core;
    if (isAlone && task.session_key === null && parking.isAsking(lane) && ready.isEmpty(lane)) {
      tx.offered = task;
      return null;
    }
    tx.readied.push(lane);
    return ready.add(tx, lane, task.seq, task.priority);
  }

  /** A pending task becomes ready, or stays delayed or blocked: called when it arrives, comes back or falls due. */
  enter(tx: Transaction, task: QueuedTask): void {
    // Also behind another task: what has fallen due stays so, whatever a clock shows, or a crash forgets of it.
    if (isDelayed(task)) tx.after(() => this.wake.plan());
    if (task.session_key === null) this.#place(tx, task);
    else this.#advance(tx, task.session_key);
  }

  /**
   * A task comes back before those that were submitted after it: one of them that is ready steps back; one that runs
   * is waited for.
   */
  rejoin(tx: Transaction, task: QueuedTask): void {
    const later = task.session_key === null ? undefined : this.front(task.session_key);
    if (later !== undefined && later.ready_job !== null && later.seq > task.seq) this.#stepBack(tx, later);
    this.enter(tx, task);
  }

  /** A task has ended, and is stored so: the next of its key follows. `status` and `ready_job` are those that it had. */
  leave(tx: Transaction, { session_key, status, ready_job }: Left): void {
    if (session_key === null) return;
    // There is no other in front of the key then.
    const wasInFront = status === 'running' || ready_job !== null;
    if (wasInFront) this.#placeHead(tx, session_key);
    else this.#advance(tx, session_key);
  }

  /** Where nobody of the key is ready or runs, its head is next. */
  #advance(tx: Transaction, sessionKey: string): void {
    if (this.#sql.hasFront.get(sessionKey) === undefined) this.#placeHead(tx, sessionKey);
  }

  #placeHead(tx: Transaction, sessionKey: string): void {
    const head = this.head(sessionKey);
    if (head !== undefined) this.#place(tx, head);
  }

  /** Pending, and it is not its turn: another of its key is ready or runs, or was submitted before it. */
  isBlocked(task: QueuedTask): boolean {
    if (task.session_key === null) return false;
    return (this.front(task.session_key) ?? this.head(task.session_key))?.seq !== task.seq;
  }

  /** A ready task is placed anew, since its lane has changed. */
  replace(tx: Transaction, task: QueuedTask): void {
    this.#stepBack(tx, task);
    this.enter(tx, { ...task, ready_job: null });
  }

  /** A ready task gets its row in the ready list again, in its old place; it does not start to age anew. */
  restore(tx: Transaction, task: QueuedTask): void {
    const job = this.#core.ready.add(tx, this.laneOf(task), task.seq, task.priority);
    this.#sql.restore.run(job, task.seq);
  }

  /** The runner that has the files of this task's conversation; other types may share its key, not its files. */
  runnerOf(task: QueuedTask): string | undefined {
    return isAgentType(task.type) ? this.#sessions.runnerOf(task.session_key) : undefined;
  }

  laneOf(task: QueuedTask): string {
    const runner = this.runnerOf(task);
    return runner === undefined ? laneOf(task.queue, task.type) : boundLaneOf(runner, task.type);
  }

  #stepBack(tx: Transaction, task: QueuedTask): void {
    if (task.ready_job !== null) this.#core.ready.drop(tx, task.ready_job);
    this.#sql.stepBack.run(task.seq);
  }

  #place(tx: Transaction, task: QueuedTask): void {
    if (this.#isEarly(task)) return;
    const lane = this.laneOf(task);
    const job = this.#core.ready.add(tx, lane, task.seq, task.priority);
    this.#sql.ready.run(job, this.#core.uptime.now(), task.seq);
    tx.readied.push(lane);
  }

  #isEarly({ due_up, due_wall }: QueuedTask): boolean {
    const { uptime, clock } = this.#core;
    return (due_up !== null && due_up > uptime.now()) || (due_wall !== null && due_wall > clock.wall());
  }

  #fallDue(tx: Transaction): void {
    const { uptime, clock } = this.#core;
    const due = [...this.#sql.due.all(uptime.now(), STEP), ...this.#sql.dueByWall.all(clock.wall(), STEP)];
    for (const task of due) {
      this.#sql.clearDue.run(task.seq);
      this.enter(tx, { ...task, due_up: null, due_wall: null });
    }
  }
}

/** `+?`: SQLite plans a bare `?` beside ORDER BY or a partial index anew for each other key: 37 µs instead of 6. */
function prepare({ db }: Core) {
  const select = `SELECT ${QUEUED_COLUMNS} FROM tasks`;
  return {
    head: db.prepare<[string], QueuedTask>(
      `${select} WHERE session_key = +? AND session_key IS NOT NULL AND ${UNFINISHED} ORDER BY seq LIMIT 1`,
    ),
    ready: db.prepare<[number, number, number]>(
      'UPDATE tasks SET ready_job = ?, due_up = NULL, due_wall = NULL, retained_from = ? WHERE seq = ?',
    ),
    front: db.prepare<[string], QueuedTask>(
      `${select} WHERE session_key = +? AND session_key IS NOT NULL AND (status = 'running' OR ready_job IS NOT NULL)`,
    ),
    hasFront: db.prepare<[string], { seq: number }>(
      `SELECT seq FROM tasks WHERE session_key = +? AND session_key IS NOT NULL
         AND (status = 'running' OR ready_job IS NOT NULL)`,
    ),
    stepBack: db.prepare<[number]>('UPDATE tasks SET ready_job = NULL WHERE seq = ?'),
    restore: db.prepare<[number, number]>('UPDATE tasks SET ready_job = ? WHERE seq = ?'),
    due: db.prepare<[number, number], QueuedTask>(`${select} WHERE due_up <= ? ORDER BY due_up LIMIT ?`),
    dueByWall: db.prepare<[number, number], QueuedTask>(
      `${select} WHERE due_wall <= ? ORDER BY due_wall LIMIT ?`,
    ),
    clearDue: db.prepare<[number]>('UPDATE tasks SET due_up = NULL, due_wall = NULL WHERE seq = ?'),
  };
}
