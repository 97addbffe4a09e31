import { AppError } from '../../errors.ts';
import type { EventType } from '../events.ts';
import { type JsonObject, UNKNOWN_PROVENANCE } from '../task.ts';
import type { Core } from './core.ts';
import { answer } from './parking.ts';
import { AWAY_MS, type Sighting, Sightings } from './sightings.ts';
import type { Transaction } from './transaction.ts';

/** A runner that is away is listed for so long, in uptime. */
const LISTED_MS = 7 * 86_400_000;
/** At most so many are told as lost in one commit. */
const STEP = 500;

/** The current instance of a runner, as it is stored. */
export interface InstanceRow {
  runner_id: string;
  instance_id: string;
  connected: 0 | 1;
  /** Uptime at which it was connected; where it is not, at which it was heard of last. */
  retained_from: number;
}

/**
 * Which instance of each runner is the current one, and whether it is connected. Both are stored: a restart lets no
 * older instance back in, says no `runner.connected` of one that was there all the time, and forgets no `runner.lost`.
 */
export class Runners {
  readonly #core: Core;
  readonly #sightings: Sightings;
  /** When this start was, on the steady clock. */
  readonly #startedAt: number;
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    this.#sightings = new Sightings(core.clock);
    this.#startedAt = core.clock.steady();
    this.#sql = prepare(core);
  }

  /** What was heard of whom. */
  get sightings(): Sightings {
    return this.#sightings;
  }

  /** Whether memory knows this instance as the current one. */
  isCurrent(runnerId: string, instanceId: string): boolean {
    return this.#sightings.get(runnerId)?.instanceId === instanceId;
  }

  /** Whether it is current and on record as connected; then nothing needs to be asked of the database. */
  isConnected(runnerId: string, instanceId: string): boolean {
    return this.isCurrent(runnerId, instanceId) && this.#sightings.get(runnerId)?.isLost === false;
  }

  /** An unknown instance takes over from the one before, whose parked poll hears of it. `superseded`. */
  admit(tx: Transaction, runnerId: string, instanceId: string): void {
    tx.after(() => this.#sightings.saw(runnerId, instanceId));
    if (this.isConnected(runnerId, instanceId) && !tx.movedRunners.has(runnerId)) return;
    const known = this.#sql.known.get(runnerId, instanceId);
    if (known?.superseded === 1) throw superseded(runnerId);
    if (known === undefined) this.#takeOver(tx, runnerId, instanceId);
    else if (known.connected === 0) this.#comeBack(tx, runnerId, instanceId);
  }

  /** When the current instance took over, on the steady clock. */
  since(runnerId: string): number {
    return this.#sightings.get(runnerId)?.since ?? this.#core.clock.steady();
  }

  /** Not heard of for a while, or not since this start. */
  isAway(runnerId: string): boolean {
    return (this.#sightings.silenceOf(runnerId) ?? Number.POSITIVE_INFINITY) > AWAY_MS;
  }

  /** connected → lost, for those that were not heard of for `AWAY_MS`; after a start they get as long to come back. */
  async lose(): Promise<number> {
    this.#sightings.forget(LISTED_MS);
    if (this.#core.storage.read(() => this.#gone()).length === 0) return 0;
    return this.#core.commit.run((tx) => {
      const gone = this.#gone().slice(0, STEP);
      for (const row of gone) this.#lose(tx, row);
      return gone.length;
    });
  }

  /** Those that can be listed: connected ones first, then those lost last. */
  current(limit: number): InstanceRow[] {
    return this.#sql.current.all(this.#core.uptime.now() - LISTED_MS, limit);
  }

  /** What was heard of this very instance. */
  sightingOf({ runner_id, instance_id }: InstanceRow): Sighting | undefined {
    const seen = this.#sightings.get(runner_id);
    return (seen?.instanceId ?? instance_id) === instance_id ? seen : undefined;
  }

  /** Milliseconds of this start. */
  get sinceStart(): number {
    return this.#core.clock.steady() - this.#startedAt;
  }

  /** Forgets at most `limit` instances that are superseded or lost, since before `before` (uptime). */
  expire(before: number, limit: number): number {
    return this.#sql.expire.run(before, limit).changes;
  }

  #gone(): InstanceRow[] {
    return this.#sql.connected.all().filter((row) => this.#isGone(row));
  }

  /** A poll that waits is a sign of life of those that send no heartbeats. */
  #isGone(row: InstanceRow): boolean {
    const seen = this.sightingOf(row);
    if (seen === undefined) return this.sinceStart > AWAY_MS;
    if (this.#core.clock.steady() - seen.last.steady <= AWAY_MS) return false;
    return seen.beat !== null || !this.#core.parking.isWaiting(row.runner_id, row.instance_id);
  }

  #takeOver(tx: Transaction, runnerId: string, instanceId: string): void {
    tx.movedRunners.add(runnerId);
    const now = this.#core.uptime.now();
    let tookOver: string | null = null;
    for (const earlier of this.#sql.currentOf.all(runnerId)) {
      if (earlier.connected === 1) tookOver = earlier.instance_id;
      const parked = this.#core.parking.ofInstance(runnerId, earlier.instance_id);
      if (parked !== undefined) answer(tx, parked, () => parked.fail(superseded(runnerId)));
    }
    this.#sql.supersede.run(now, runnerId);
    this.#sql.insert.run(runnerId, instanceId, now);
    this.#tell(tx, 'runner.connected', { runnerId, instanceId, tookOver });
  }

  #comeBack(tx: Transaction, runnerId: string, instanceId: string): void {
    this.#sql.setConnected.run(1, this.#core.uptime.now(), runnerId, instanceId);
    this.#tell(tx, 'runner.connected', { runnerId, instanceId, tookOver: null });
  }

  #lose(tx: Transaction, row: InstanceRow): void {
    const { runner_id: runnerId, instance_id: instanceId } = row;
    tx.movedRunners.add(runnerId);
    const seen = this.sightingOf(row);
    const silence = seen === undefined ? this.sinceStart : this.#core.clock.steady() - seen.last.steady;
    this.#sql.setConnected.run(0, Math.floor(this.#core.uptime.now() - silence), runnerId, instanceId);
    this.#tell(tx, 'runner.lost', { runnerId, instanceId, lastHeardAt: seen?.last.wall ?? null });
    if (seen === undefined) return;
    tx.after(() => {
      seen.isLost = true;
    });
  }

  #tell(tx: Transaction, type: EventType, details: JsonObject): void {
    const noTask = { taskId: null, taskType: null, taskStatus: null, sessionId: null };
    this.#core.tail.write(tx, { ...UNKNOWN_PROVENANCE, ...noTask, type, details });
  }
}

function superseded(runnerId: string): AppError {
  return new AppError(
    'superseded',
    `A newer instance of the runner "${runnerId}" has taken over; stop this one`,
  );
}

function prepare({ db }: Core) {
  const select = 'SELECT runner_id, instance_id, connected, retained_from FROM instances';
  return {
    known: db.prepare<[string, string], { superseded: 0 | 1; connected: 0 | 1 }>(
      'SELECT superseded, connected FROM instances WHERE runner_id = ? AND instance_id = ?',
    ),
    currentOf: db.prepare<[string], InstanceRow>(`${select} WHERE runner_id = ? AND superseded = 0`),
    connected: db.prepare<[], InstanceRow>(
      `${select} INDEXED BY instances_current WHERE superseded = 0 AND connected = 1`,
    ),
    current: db.prepare<[number, number], InstanceRow>(
      `${select} INDEXED BY instances_current WHERE superseded = 0 AND (connected = 1 OR retained_from >= ?)
         ORDER BY connected DESC, retained_from DESC LIMIT ?`,
    ),
    supersede: db.prepare<[number, string]>(
      'UPDATE instances SET superseded = 1, connected = 0, retained_from = ? WHERE runner_id = ? AND superseded = 0',
    ),
    setConnected: db.prepare<[0 | 1, number, string, string]>(
      'UPDATE instances SET connected = ?, retained_from = ? WHERE runner_id = ? AND instance_id = ?',
    ),
    insert: db.prepare<[string, string, number]>(
      'INSERT INTO instances (runner_id, instance_id, connected, retained_from) VALUES (?, ?, 1, ?)',
    ),
    expire: db.prepare<[number, number]>(
      `DELETE FROM instances WHERE (runner_id, instance_id) IN
         (SELECT runner_id, instance_id FROM instances WHERE connected = 0 AND retained_from < ? LIMIT ?)`,
    ),
  };
}
