/**
 * A client as a process of its own, to be killed: `node client.ts '{"url", "token", "journal", "marks", "destinations",
 * "seed", "name"}'`.
 * Submits on all its lanes and keeps schedules until SIGTERM, then finishes what it has begun and ends with code 0.
 */
import { type Callback, callbacksBy } from './callbacks.ts';
import { Caller } from './caller.ts';
import { Journal } from './journal.ts';
import { Keeper } from './keeper.ts';
import { type KeptLane, keptLanesOf, lifeAt } from './lives.ts';
import { Submitter } from './submitter.ts';
import { type Lane, lanesOf, parcelAt, type Work } from './work.ts';

export interface ClientOptions {
  url: string;
  token: string;
  journal: string;
  marks: string;
  /** Where it has outcomes told. */
  destinations: readonly Callback[];
  seed: number;
  name: string;
}

/** Of each lane so many tasks may be without an outcome. */
const AHEAD = 3;

const options = JSON.parse(process.argv[2] ?? '{}') as ClientOptions;
const { url, token, journal: path, marks, destinations, seed, name } = options;
const ground = { marks, callbackOf: callbacksBy(seed, destinations) };
const journal = new Journal(path);
const caller = new Caller(url, token);
const submitter = new Submitter(caller, journal);
const keeper = new Keeper(caller, journal);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

const begun = new Set(journal.entries.map(({ key }) => key));
await Promise.all([...lanesOf(name).map(run), ...keptLanesOf(name).map(keep)]);
journal.close();
process.exit(0);

async function run(lane: Lane): Promise<void> {
  const followed: Promise<void>[] = [];
  for (let index = 0; ; ) {
    const parcel = parcelAt(seed, { ...ground, lane, index });
    index += parcel.works.length;
    if (stopping.signal.aborted && !parcel.works.some(({ key }) => begun.has(key))) return;
    const ids = await submitter.submit(parcel, lane);
    parcel.works.forEach((work, at) => {
      const taskId = ids[at];
      if (typeof taskId === 'string') followed.push(attend(work, taskId));
    });
    while (followed.length >= AHEAD) await followed.shift();
  }
}

/** Resolves with its outcome, or when it is time to stop. */
async function attend(work: Work, taskId: string): Promise<void> {
  if (!begun.has(work.key)) submitter.cancel(work, taskId).catch(() => {});
  await submitter.follow(work, taskId, stopping.signal).catch(() => {});
}

/** One schedule after the other. */
async function keep(lane: KeptLane): Promise<void> {
  for (let index = 0; ; index++) {
    const life = lifeAt(seed, { ...ground, lane, index });
    if (stopping.signal.aborted && !begun.has(life.name)) return;
    await keeper.keep(life, stopping.signal);
  }
}
