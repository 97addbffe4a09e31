import { type CallbackKind, CHAT_KINDS, shownTarget } from '../../destination.ts';
import type { CallbackPause, PauseOf } from '../callbacks.ts';
import type { Core } from './core.ts';
import type { CallbackRow } from './outbox-rows.ts';
import type { Transaction } from './transaction.ts';

/** How long nothing is heard of a probe until another one goes: longer than a request may take. */
const PROBE_MS = 150_000;

interface PauseRow {
  key: string;
  kind: CallbackKind;
  target: string | null;
  error: string;
  /** The uptime at which one message may try. */
  probe_up: number;
  since: number;
  lifted: number;
}

interface Pause extends PauseRow {
  /** The message that tries. */
  probe: string | null;
}

/** Credentials and destinations that were refused: on disk, and in memory for the look at each message. */
export class Pauses {
  readonly #core: Core;
  readonly #sql;
  readonly #active = new Map<string, Pause>();

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
  }

  /**
   * Reads them back at a start, which may have been made to mend them: each is probed at once. The keys of those that were
   * lifted and have not let all go.
   */
  load(): string[] {
    const rows = this.#sql.all.all();
    const probe_up = this.#core.uptime.now();
    for (const row of rows)
      if (row.lifted === 0) this.#active.set(row.key, { ...row, probe_up, probe: null });
    return rows.filter((row) => row.lifted === 1).map((row) => row.key);
  }

  /** What keeps the message back; undefined lets it go, as the probe if the time of one has come. */
  holding(tx: Transaction, row: CallbackRow, hookFirst = false): Pause | undefined {
    if (hookFirst && row.fell_back === 0 && CHAT_KINDS.includes(row.kind)) return undefined;
    const found = keysOf(row).flatMap((key) => this.#active.get(key) ?? []);
    const closed = found.find((pause) => pause.probe !== row.id && !this.#isOpen(pause));
    if (closed !== undefined) return closed;
    for (const pause of found) this.#try(tx, pause, row.id);
    return undefined;
  }

  /** The same for what a message wants to try when it is on its way already. */
  blocking(ofs: readonly PauseOf[], id: string): PauseOf | undefined {
    const closed = ofs.find((of) => {
      const pause = this.#active.get(keyOf(of));
      return pause !== undefined && pause.probe !== id && !this.#isOpen(pause);
    });
    if (closed !== undefined) return closed;
    for (const pause of ofs.flatMap((of) => this.#active.get(keyOf(of)) ?? [])) this.#beginProbe(pause, id);
    return undefined;
  }

  /** True when it was not known. */
  set(tx: Transaction, of: PauseOf, error: string, probeMs: number): boolean {
    const key = keyOf(of);
    const known = this.#active.get(key);
    const since = known?.since ?? this.#core.clock.wall();
    const probe_up = Math.ceil(this.#core.uptime.now() + probeMs);
    const pause = { key, kind: of.kind, target: of.target, error, probe_up, since, lifted: 0 };
    this.#sql.set.run(pause);
    this.#change(tx, key, { ...pause, probe: null });
    return known === undefined;
  }

  /** By its probe. True when it was paused; `forget` follows when all that waited has been let go. */
  lift(tx: Transaction, of: PauseOf, id: string): boolean {
    if (!this.isProbe(of, id)) return false;
    this.#sql.lift.run(keyOf(of));
    this.#change(tx, keyOf(of), undefined);
    return true;
  }

  has(key: string): boolean {
    return this.#active.has(key);
  }

  /** Any other message had left before it was paused, and what it has learned is older. */
  isProbe(of: PauseOf, id: string): boolean {
    return this.#active.get(keyOf(of))?.probe === id;
  }

  forget(key: string): void {
    this.#sql.forget.run(key);
  }

  /** Those that could have been tried before this uptime. */
  before(uptime: number): string[] {
    return [...this.#active.values()].filter(({ probe_up }) => probe_up < uptime).map(({ key }) => key);
  }

  /** Nobody asks for it any more. */
  drop(tx: Transaction, key: string): void {
    this.#sql.lift.run(key);
    this.#sql.forget.run(key);
    this.#change(tx, key, undefined);
  }

  /** The message is the probe of all that keeps it back. */
  chooseFor(tx: Transaction, row: CallbackRow): void {
    for (const key of new Set([row.pause ?? '', ...keysOf(row)])) this.choose(tx, key, row.id);
  }

  /** The message that tried is gone without an answer to the question. */
  ended(id: string): void {
    for (const pause of this.#active.values()) if (pause.probe === id) pause.probe = null;
  }

  /** The message is the probe, whenever its turn comes. */
  choose(tx: Transaction, key: string, id: string): void {
    const pause = this.#active.get(key);
    if (pause !== undefined) this.#try(tx, pause, id);
  }

  /** Those that may be tried, and when the others may. */
  outlook(): { open: string[]; next: number | undefined } {
    const all = [...this.#active.values()];
    const open = all.filter((pause) => this.#isOpen(pause)).map(({ key }) => key);
    const later = all.filter((pause) => !this.#isOpen(pause)).map(({ probe_up }) => probe_up);
    return { open, next: later.length === 0 ? undefined : Math.min(...later) };
  }

  list(): CallbackPause[] {
    const { clock, uptime } = this.#core;
    const ahead = (probeUp: number) => Math.max(0, probeUp - uptime.now());
    return [...this.#active.values()].map(({ kind, target, error, since, probe_up }) => ({
      kind,
      target: target === null ? null : shownTarget({ kind, target }),
      error,
      since,
      nextProbeAt: Math.round(clock.wall() + ahead(probe_up)),
    }));
  }

  /** At once, for those of the same commit. */
  #change(tx: Transaction, key: string, pause: Pause | undefined): void {
    const before = this.#active.get(key);
    tx.otherwise(() => this.#put(key, before));
    this.#put(key, pause);
  }

  #put(key: string, pause: Pause | undefined): void {
    if (pause === undefined) this.#active.delete(key);
    else this.#active.set(key, pause);
  }

  #isOpen(pause: Pause): boolean {
    return pause.probe_up <= this.#core.uptime.now();
  }

  #try(tx: Transaction, pause: Pause, id: string): void {
    const { probe, probe_up } = pause;
    tx.otherwise(() => Object.assign(pause, { probe, probe_up }));
    this.#beginProbe(pause, id);
  }

  #beginProbe(pause: Pause, id: string): void {
    Object.assign(pause, { probe: id, probe_up: this.#core.uptime.now() + PROBE_MS });
  }
}

export function keyOf({ kind, token, target }: PauseOf): string {
  return JSON.stringify([kind, token, target]);
}

function keysOf({ kind, token, target }: CallbackRow): string[] {
  return [keyOf({ kind, token, target: null }), keyOf({ kind, token, target })];
}

function prepare({ db }: Core) {
  return {
    all: db.prepare<[], PauseRow>(
      'SELECT key, kind, target, error, probe_up, since, lifted FROM callback_pauses',
    ),
    set: db.prepare<[PauseRow]>(
      `INSERT INTO callback_pauses (key, kind, target, error, probe_up, since, lifted)
       VALUES (@key, @kind, @target, @error, @probe_up, @since, @lifted)
       ON CONFLICT (key) DO UPDATE SET error = @error, probe_up = @probe_up, lifted = 0`,
    ),
    lift: db.prepare<[string]>('UPDATE callback_pauses SET lifted = 1 WHERE key = ?'),
    forget: db.prepare<[string]>('DELETE FROM callback_pauses WHERE key = ? AND lifted = 1'),
  };
}
