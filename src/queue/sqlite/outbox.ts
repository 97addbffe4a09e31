import { randomUUID } from 'node:crypto';
import { type CallbackStatus, laneOfDestination } from '../../destination.ts';
import { AppError } from '../../errors.ts';
import type {
  CallbackFilter,
  CallbackPause,
  CallbackState,
  NewMessage,
  Outbox,
  OutboxRoom,
  OwedCallback,
  PauseOf,
} from '../callbacks.ts';
import type { Core } from './core.ts';
import { OutboxAlarm } from './outbox-alarm.ts';
import { OutboxEvents, shownPause } from './outbox-events.ts';
import { OutboxLanes } from './outbox-lanes.ts';
import { CallbackList } from './outbox-list.ts';
import { type CallbackRow, toCallbackState, toOwed } from './outbox-rows.ts';
import { prepareOutbox } from './outbox-statements.ts';
import { keyOf, Pauses } from './pauses.ts';
import type { Transaction } from './transaction.ts';

/** Paused messages that one step lets go, and dead ones that one forgets. */
const STEP = 500;
type Taken = CallbackRow & { text: string };
const DAY_MS = 86_400_000;
const DEAD_RETENTION_MS = 30 * DAY_MS;

/**
 * The callbacks that are owed. A stream is a destination with its credential; only its head, the first row that is not
 * dead, is ever due.
 *
 *     owed ─▶ pending ──take──▶ (being sent) ──▶ sent: the row goes
 *               ▲ ▲                │  │  └─────▶ dead ──replay──▶ pending, at the end of its stream
 *               │ └──── defer ─────┘  ▼
 *               └──── resume, probe ── paused
 */
export class OutboxWriter implements Outbox {
  readonly #core: Core;
  readonly #sql;
  readonly #pauses: Pauses;
  readonly #list: CallbackList;
  readonly #alarm: OutboxAlarm;
  readonly #events: OutboxEvents;
  readonly #lanes: OutboxLanes;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepareOutbox(core.db);
    this.#lanes = new OutboxLanes(core, this.#sql);
    this.#pauses = new Pauses(core);
    this.#list = new CallbackList(core);
    this.#alarm = new OutboxAlarm(core, () => this.#earliest());
    this.#events = new OutboxEvents(core);
  }

  /** Before anyone is served. */
  recover(): void {
    for (const key of this.#pauses.load()) this.#letGo(key);
    this.#alarm.plan();
  }

  /** Owes a message, in the transaction of what it tells. */
  owe(
    tx: Transaction,
    about: Pick<OwedCallback, 'taskId' | 'taskType' | 'moment'>,
    message: NewMessage,
  ): void {
    const { kind, target, threadId, token } = message;
    const stream = JSON.stringify([kind, target, threadId, token]);
    const head = this.#sql.head.get(stream) === undefined ? 1 : 0;
    const times = { due: this.#core.uptime.now(), wall: this.#core.clock.wall() };
    const lane = laneOfDestination(message);
    this.#sql.insert.run({ id: randomUUID(), ...about, ...message, stream, lane, head, ...times });
    tx.count('callbacks/pending', 1);
    this.#alarm.planAfter(tx);
  }

  async take(room: OutboxRoom): Promise<OwedCallback[]> {
    const taken = await this.#core.commit.run((tx) => {
      for (const key of this.#pauses.outlook().open) this.#wakeProbe(tx, key);
      const rows: Taken[] = [];
      const lanes = this.#lanes.due();
      const share = Math.max(1, Math.floor(room.total / lanes.length));
      for (const lane of lanes) {
        const free = Math.min(this.#lanes.roomIn(lane, room.perLane), share, room.total - rows.length);
        if (free > 0) rows.push(...this.#takeFrom(tx, lane, { ...room, total: free }));
      }
      this.#alarm.planAfter(tx);
      return rows;
    });
    return taken.map((row) => toOwed(row, this.#core.uptime.now()));
  }

  async advance(id: string, chunksSent: number): Promise<void> {
    await this.#core.commit.run(() => this.#sql.advance.run(chunksSent, id));
  }

  async fallBack(id: string, error: string): Promise<void> {
    await this.#core.commit.run(() => this.#sql.fallBack.run(error, id));
  }

  sent(id: string): Promise<void> {
    return this.#settle(id, (tx, row) => {
      this.#sql.remove.run(id);
      tx.count(`callbacks/${row.status}`, -1);
      this.#events.write(tx, row, 'callback.sent', { attempt: row.attempts });
      this.#next(row.stream);
      tx.after(() => this.#pauses.ended(id));
    });
  }

  defer(id: string, error: string, delayMs: number, counted = true): Promise<void> {
    const due = Math.ceil(this.#core.uptime.now() + delayMs);
    return this.#settle(id, () => void this.#sql.defer.run({ id, due, error, uncounted: counted ? 0 : 1 }));
  }

  async pause(id: string, of: PauseOf, error: string, probeMs: number): Promise<void> {
    await this.#core.commit.run((tx) => {
      if (!this.#pauses.set(tx, of, error, probeMs)) return;
      const row = this.#sql.byId.get(id);
      if (row !== undefined) this.#events.write(tx, row, 'callback.paused', { ...shownPause(of), error });
    });
  }

  hold(id: string, of: PauseOf, error: string): Promise<void> {
    const due = this.#core.uptime.now();
    return this.#settle(id, (tx) => {
      // It may work again by now.
      if (this.#pauses.has(keyOf(of))) this.#holdBack(tx, id, keyOf(of), { error, uncounted: 1 });
      else this.#sql.defer.run({ id, due, error, uncounted: 1 });
    });
  }

  async resume(id: string, ofs: readonly PauseOf[]): Promise<void> {
    const paused = ofs.filter((of) => this.#pauses.isProbe(of, id));
    if (paused.length === 0) return;
    await this.#core.commit.run((tx) => {
      const row = this.#sql.byId.get(id);
      for (const of of paused) {
        if (!this.#pauses.lift(tx, of, id)) continue;
        if (row !== undefined) this.#events.write(tx, row, 'callback.resumed', shownPause(of));
        tx.after(() => this.#letGo(keyOf(of)));
      }
    });
  }

  blocking(ofs: readonly PauseOf[], id: string): PauseOf | undefined {
    return this.#pauses.blocking(ofs, id);
  }

  bury(id: string, error: string): Promise<void> {
    return this.#settle(id, (tx, row) => {
      this.#sql.bury.run(error, this.#core.uptime.now(), id);
      tx.count(`callbacks/${row.status}`, -1);
      tx.count('callbacks/dead', 1);
      const details = { attempt: row.attempts, error };
      this.#events.write(tx, row, 'callback.failed', details);
      this.#events.write(tx, row, 'callback.dead', details);
      this.#next(row.stream);
      tx.after(() => this.#pauses.ended(id));
    });
  }

  replay(id: string): Promise<CallbackState> {
    return this.#core.commit.run((tx) => {
      const row = this.#sql.any.get(id);
      if (row === undefined) throw new AppError('not_found', 'Callback not found');
      if (row.status === 'pending') throw new AppError('not_dead', 'The callback is on its way already');
      if (row.status === 'paused') {
        this.#pauses.chooseFor(tx, row);
        this.#wake(tx, row);
      } else this.#again(tx, row);
      this.#events.write(tx, row, 'callback.replayed', { was: row.status });
      this.#alarm.planAfter(tx);
      const again = this.#sql.any.get(id) ?? row;
      return toCallbackState(again, { wall: this.#core.clock.wall(), uptime: this.#core.uptime.now() });
    });
  }

  /** Dead ones of long ago, and pauses that nothing waits for; a step. */
  expire(tx: Transaction): number {
    const now = this.#core.uptime.now();
    for (const key of this.#pauses.before(now - DAY_MS))
      if (this.#sql.firstPaused.get(key) === undefined) this.#pauses.drop(tx, key);
    const { changes } = this.#sql.expire.run(now - DEAD_RETENTION_MS, STEP);
    tx.count('callbacks/dead', -changes);
    return changes;
  }

  onDue(listener: () => void): () => void {
    return this.#alarm.listen(listener);
  }

  list(filter: CallbackFilter): { callbacks: CallbackState[]; nextCursor: string | null } {
    return this.#list.page(filter);
  }

  pauses(): CallbackPause[] {
    return this.#pauses.list();
  }

  counts(): Record<CallbackStatus, number> {
    const counts = this.#core.storage.read(() => this.#core.counters.group('callbacks'));
    const of = (status: CallbackStatus) => counts.get(status) ?? 0;
    return { pending: of('pending'), paused: of('paused'), dead: of('dead') };
  }

  stop(): void {
    this.#alarm.stop();
  }

  /** Those that may go; the others that are due wait for what is paused, and are in the way no longer. */
  #takeFrom(tx: Transaction, lane: string, { total: free, hookFirst }: OutboxRoom): Taken[] {
    const taken: Taken[] = [];
    for (let held = 0, more = true; more && held < STEP; ) {
      const before = held;
      for (const row of this.#lanes.dueIn(lane, free - taken.length)) {
        const pause = this.#pauses.holding(tx, row, hookFirst);
        if (pause === undefined) taken.push({ ...row, text: this.#attempt(tx, row) });
        else this.#holdBack(tx, row.id, pause.key, { error: pause.error, uncounted: 0 });
        held += pause === undefined ? 0 : 1;
      }
      more = held > before && taken.length < free;
    }
    return taken;
  }

  /** Its text, to be sent. */
  #attempt(tx: Transaction, row: CallbackRow): string {
    this.#lanes.begin(tx, row);
    this.#events.write(tx, row, 'callback.dispatched', { attempt: row.attempts + 1 });
    return this.#sql.attempt.get(row.id) ?? '';
  }

  #holdBack(tx: Transaction, id: string, key: string, why: { error: string; uncounted: 0 | 1 }): void {
    this.#sql.hold.run({ id, key, ...why });
    tx.count('callbacks/pending', -1);
    tx.count('callbacks/paused', 1);
  }

  #wake(tx: Transaction, row: Pick<CallbackRow, 'id'>): void {
    this.#sql.wake.run(this.#core.uptime.now(), row.id);
    tx.count('callbacks/paused', -1);
    tx.count('callbacks/pending', 1);
  }

  /** The first that waits for it tries. */
  #wakeProbe(tx: Transaction, key: string): void {
    const id = this.#sql.firstPaused.get(key);
    if (id === undefined) return;
    this.#wake(tx, { id });
    this.#pauses.choose(tx, key, id);
  }

  /** All that waited for it is due, step by step; retried until it is on disk. */
  #letGo(key: string): void {
    this.#core.commit.ensure((tx) => {
      if (this.#pauses.has(key)) return;
      const { changes } = this.#sql.letGo.run({ now: this.#core.uptime.now(), key, limit: STEP });
      tx.count('callbacks/paused', -changes);
      tx.count('callbacks/pending', changes);
      if (changes < STEP) this.#pauses.forget(key);
      else tx.after(() => this.#letGo(key));
      this.#alarm.planAfter(tx);
    });
  }

  /** dead → pending, behind all that its stream owes; what has arrived of it is not sent again. */
  #again(tx: Transaction, row: CallbackRow): void {
    const head = this.#sql.head.get(row.stream) === undefined ? 1 : 0;
    this.#sql.again.run({ id: row.id, head, now: this.#core.uptime.now() });
    tx.count('callbacks/dead', -1);
    tx.count('callbacks/pending', 1);
  }

  /** What an attempt came to; the row is free again afterwards. */
  #settle(id: string, change: (tx: Transaction, row: CallbackRow) => void): Promise<void> {
    return this.#core.commit.run((tx) => {
      const row = this.#sql.byId.get(id);
      if (row !== undefined) change(tx, row);
      tx.after(() => this.#lanes.end(id));
      this.#alarm.planAfter(tx);
    });
  }

  #earliest(): number | undefined {
    const { open, next } = this.#pauses.outlook();
    if (open.some((key) => this.#sql.firstPaused.get(key) !== undefined)) return this.#core.uptime.now();
    const times = [this.#lanes.earliest(), next].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #next(stream: string): void {
    const next = this.#sql.head.get(stream);
    if (next !== undefined) this.#sql.promote.run(this.#core.uptime.now(), next);
  }
}
