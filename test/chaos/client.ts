/**
 * A client as a process of its own, to be killed: `node client.ts '{"url", "token", "journal", "marks", "seed", "name"}'`.
 * Submits on all its lanes until SIGTERM, then finishes what it has begun to submit and ends with code 0.
 */
import { Caller } from './caller.ts';
import { Journal } from './journal.ts';
import { Submitter } from './submitter.ts';
import { type Lane, lanesOf, type Work, workAt } from './work.ts';

export interface ClientOptions {
  url: string;
  token: string;
  journal: string;
  marks: string;
  seed: number;
  name: string;
}

/** Of each lane so many tasks may be without an outcome. */
const AHEAD = 3;

const { url, token, journal: path, marks, seed, name } = JSON.parse(process.argv[2] ?? '{}') as ClientOptions;
const journal = new Journal(path);
const submitter = new Submitter(new Caller(url, token), journal);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

const begun = new Set(journal.entries.flatMap((entry) => (entry.what === 'intent' ? entry.key : [])));
await Promise.all(lanesOf(name).map(run));
journal.close();
process.exit(0);

async function run(lane: Lane): Promise<void> {
  const followed: Promise<void>[] = [];
  for (let index = 0; ; index++) {
    const work = workAt(seed, { marks, lane, index });
    if (stopping.signal.aborted && !begun.has(work.key)) return;
    const taskId = await submitter.submit(work, lane);
    if (taskId !== null) followed.push(attend(work, taskId));
    if (followed.length >= AHEAD) await followed.shift();
  }
}

/** Resolves with its outcome, or when it is time to stop. */
async function attend(work: Work, taskId: string): Promise<void> {
  if (!begun.has(work.key)) submitter.cancel(work, taskId).catch(() => {});
  await submitter.follow(work, taskId, stopping.signal).catch(() => {});
}
