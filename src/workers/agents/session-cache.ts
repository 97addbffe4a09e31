import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { makeFolder, syncNames } from '../../paths.ts';
import { AGENT_TYPES, type AgentType } from '../../queue/task.ts';

/**
 * Which session of a CLI stands behind a client's session id. The file is the older runner's, with two fields
 * more: `type`, since two CLIs may know the same client id, and `answered`.
 */
const cachedSession = z.object({
  /** The CLI's own id. */
  sessionId: z.string(),
  /** The client's id. */
  taskApiId: z.string().nullable().default(null),
  /** Epoch milliseconds. */
  lastActivity: z.number(),
  callbackChannel: z.string().nullable().default(null),
  /** Missing in entries of an older runner. */
  type: z.enum(AGENT_TYPES).optional(),
  /** The CLI has finished a turn of it, so it can be resumed. Before that its session file may not exist yet. */
  answered: z.boolean().optional(),
});

export type CachedSession = z.infer<typeof cachedSession>;

/** All of them are written each time. */
const MAX_SESSIONS = 10_000;

interface Kept {
  session: CachedSession;
  /** On the steady clock: one that is set forward must not end a conversation. */
  usedAt: number;
}

export class SessionCache {
  readonly #file: string;
  readonly #retentionMs: number;
  readonly #clock: Clock;
  readonly #log: Log;
  /** The most recently used last. */
  #kept: Kept[];

  /** Reads the file; one that can't be understood is set aside as `<file>.unreadable`. */
  constructor(file: string, retentionMs: number, deps: { clock: Clock; log: Log }) {
    this.#file = file;
    this.#retentionMs = retentionMs;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#kept = this.#read();
  }

  /** The session behind a client's id, or the one that has this very id; the most recently used if several. */
  find(type: AgentType, id: string): CachedSession | undefined {
    this.#prune();
    return this.#kept
      .map(({ session }) => session)
      .filter((session) => session.type === undefined || session.type === type)
      .findLast((session) => session.taskApiId === id || session.sessionId === id);
  }

  /** Remembers a session as used now, on disk when this returns. It replaces what stood behind the client's id. */
  record(session: Omit<CachedSession, 'lastActivity'> & { type: AgentType }): void {
    this.#prune();
    const others = this.#kept.filter(
      ({ session: other }) =>
        other.taskApiId !== session.taskApiId || (other.type ?? session.type) !== session.type,
    );
    const used = { ...session, lastActivity: this.#clock.wall() };
    this.#kept = [...others, { session: used, usedAt: this.#clock.steady() }].slice(-MAX_SESSIONS);
    this.#write();
  }

  #prune(): void {
    const oldest = this.#clock.steady() - this.#retentionMs;
    this.#kept = this.#kept.filter(({ usedAt }) => usedAt >= oldest);
  }

  #read(): Kept[] {
    try {
      const sessions = understood(JSON.parse(readFileSync(this.#file, 'utf8')));
      return sessions.sort((a, b) => a.lastActivity - b.lastActivity).map((session) => this.#aged(session));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#setAside(error);
      return [];
    }
  }

  /** Of an earlier run nothing else is known than what the clock on the wall said. */
  #aged(session: CachedSession): Kept {
    const age = Math.max(this.#clock.wall() - session.lastActivity, 0);
    return { session, usedAt: this.#clock.steady() - age };
  }

  #setAside(error: unknown): void {
    const aside = `${this.#file}.unreadable`;
    this.#log.warn(
      { file: this.#file, aside, err: error },
      'session cache is unreadable: starting a new one',
    );
    try {
      renameSync(this.#file, aside);
    } catch (cause) {
      this.#log.warn({ file: this.#file, err: cause }, 'session cache could not be set aside');
    }
  }

  /** A disk that refuses must not fail the task: the sessions stay known until this process ends. */
  #write(): void {
    try {
      writeAtomically(this.#file, JSON.stringify(this.#kept.map(({ session }) => session)));
    } catch (error) {
      this.#log.warn({ file: this.#file, err: error }, 'session cache could not be written');
    }
  }
}

/** Passes over what another version of the runner knows and this one doesn't; throws when it understands nothing. */
function understood(entries: unknown): CachedSession[] {
  const read = z
    .array(z.unknown())
    .parse(entries)
    .map((entry) => cachedSession.safeParse(entry));
  const sessions = read.flatMap(({ data }) => data ?? []);
  if (sessions.length === 0 && read.length > 0) throw new Error('no entry of it is a session');
  return sessions;
}

function writeAtomically(file: string, text: string): void {
  makeFolder(dirname(file), 0o700);
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  syncNames(dirname(file));
}
