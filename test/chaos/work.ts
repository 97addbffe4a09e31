/** The tasks of the chaos run, each decided by the seed, its lane and its place in it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallbackOf } from './callbacks.ts';
import { Random, seedOf } from './random.ts';

const SCRIPT = fileURLToPath(new URL('task.sh', import.meta.url));

/** The lease of every task, and what its length is measured in: `task.sh` beats ten times in it. */
export const LEASE_MS = 1_000;
const BEATS_IN_LEASE = 10;
/** Of a long output, which one in three has: two to five messages of a chat that takes 2,000 characters. */
const LONG_WORDS = [60, 190] as const;

/**
 * Where tasks are submitted one after the other. The tasks of `command` and `claude` lanes share a session key, those
 * of `loose` lanes have none.
 */
export interface Lane {
  name: string;
  kind: 'command' | 'claude' | 'loose';
}

/** A task as it is to be submitted, and how it may end. */
export interface Work {
  /** Of this task alone: its Idempotency-Key, and its name in the marks. */
  key: string;
  /** Its attempts and those of all others of the same group run one at a time; the file of its marks. */
  group: string;
  /** In its group lower ones come first. */
  index: number;
  route: string;
  body: Record<string, unknown>;
  exitCode: number;
  /** Milliseconds after its acknowledgement; null: nobody cancels it. */
  cancelAfterMs: number | null;
  /** Its client starts it anew when it has failed. */
  retry: boolean;
}

/** How long an attempt works, in tenths of a second. */
export interface Beats {
  first: number;
  later: number;
}

/** What a client submits in one request: one task by its own route, or several as a batch. */
export interface Parcel {
  works: readonly Work[];
  /** Its name, which all its tasks have as a tag. */
  batch: string | null;
}

/** What all tasks of a run share. */
export interface Ground {
  /** The folder of all marks. */
  marks: string;
  /** Nobody is told of anything unless given. */
  callbackOf?: CallbackOf;
}

export interface Place extends Ground {
  lane: Lane;
  index: number;
}

export function lanesOf(client: string): Lane[] {
  const lanes = (kind: Lane['kind'], count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `${client}-${kind}-${at}`, kind }));
  return [...lanes('command', 5), ...lanes('claude', 2), ...lanes('loose', 2)];
}

export function workAt(seed: number, place: Place): Work {
  const { lane, index } = place;
  const random = new Random(seedOf(seed, `${lane.name}.${index}`));
  const beats = beatsOf(random);
  const exitCode = lane.kind !== 'claude' && random.oneIn(15) ? 3 : 0;
  const cancelAfterMs = random.oneIn(20) ? random.integer(0, 2_000) : null;
  const retry = lane.kind === 'loose' && exitCode !== 0;
  const asked = askedOf(random);
  const words = random.oneIn(3) ? random.integer(...LONG_WORDS) : 0;
  const work = aWork(place, { beats: { first: beats, later: beats }, exitCode, words });
  return { ...work, body: { ...work.body, ...asked }, cancelAfterMs, retry };
}

/** What begins at that place of the lane; the next one begins behind its last. */
export function parcelAt(seed: number, place: Place): Parcel {
  const random = new Random(seedOf(seed, `parcel ${place.lane.name}.${place.index}`));
  const works = (count: number) =>
    Array.from({ length: count }, (_, at) => workAt(seed, { ...place, index: place.index + at }));
  return random.oneIn(4) ? aBatch(works(random.integer(1, 4))) : { works: works(1), batch: null };
}

/** Each has its own name as a tag as well, so that it can be found by whoever was not told its id. */
export function aBatch(works: readonly Work[]): Parcel {
  const batch = `batch ${works[0]?.key}`;
  const tagged = works.map((work) => ({ ...work, body: { ...work.body, tags: [batch, work.key] } }));
  return { works: tagged, batch };
}

/** As a batch or a schedule takes it. */
export function taskOf({ route, body }: Work): { type: string } {
  return { type: route === '/claude' ? 'claude-cli' : 'command', ...body };
}

/** What no key may be reordered by, what holds its key as a whole, and what fails once more than it has to. */
function askedOf(random: Random): Record<string, unknown> {
  return {
    priority: random.integer(-10, 10),
    ...(random.oneIn(5) && { delayMs: random.integer(0, 2_000) }),
    ...(random.oneIn(2) && { retries: 1, retryBackoffMs: 100 }),
  };
}

/** 0.2 to 3 lease lengths; a few go on until long after a lost lease is given away. */
function beatsOf(random: Random): number {
  if (random.oneIn(30)) return 9 * BEATS_IN_LEASE;
  return random.integer(BEATS_IN_LEASE / 5, 3 * BEATS_IN_LEASE);
}

/** What it does, and prints: the name of the attempt, and as many words more as wanted. */
export interface Doing {
  beats: Beats;
  exitCode: number;
  words?: number;
}

export function aWork(place: Place, { beats, exitCode, words = 0 }: Doing): Work {
  const { lane, index, callbackOf } = place;
  const key = `${lane.name}.${index}`;
  const group = lane.kind === 'loose' ? key : lane.name;
  const file = fileOf(place.marks, group);
  const marks = [file, key, beats.first, beats.later, exitCode, words].join(' ');
  const callback = callbackOf?.(key) ?? null;
  const asked = { timeout: 60_000, maxAttempts: 20, ...(callback !== null && { callback }) };
  const fixed = {
    key,
    group,
    index,
    exitCode,
    cancelAfterMs: null,
    retry: false,
  };
  if (lane.kind === 'claude') {
    const sessionId = sessionOf(lane.name);
    return { ...fixed, route: '/claude', body: { prompt: `marks ${marks}`, sessionId, ...asked } };
  }
  const sessionKey = lane.kind === 'command' ? { sessionKey: lane.name } : {};
  return {
    ...fixed,
    route: '/tasks',
    body: { command: `exec sh ${SCRIPT} ${marks}`, ...sessionKey, ...asked },
  };
}

/** Clients call their conversations by any name, or by a UUID, which the CLI then takes for its own. */
function sessionOf(lane: string): string {
  if (!lane.endsWith('1')) return lane;
  const digits = createHash('sha256').update(lane).digest('hex');
  return digits.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const ENDING = '.marks';

export function fileOf(folder: string, group: string): string {
  return join(folder, group + ENDING);
}

/** The group of a file of marks; undefined for any other file. */
export function groupOf(file: string): string | undefined {
  return file.endsWith(ENDING) ? file.slice(0, -ENDING.length) : undefined;
}
