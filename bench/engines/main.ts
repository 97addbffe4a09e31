/** `node engines/main.ts NAME JOB`: a round of one engine in a process of its own; prints tasks per second. */
import { timed } from '../measure.ts';
import type { Engine, Job } from './engine.ts';

const OPENERS: Readonly<Record<string, () => Promise<{ open(job: Job): Promise<Engine> }>>> = {
  ours: () => import('./ours.ts'),
  plainjob: () => import('./plainjob.ts'),
  bullmq: () => import('./bullmq.ts'),
  'pg-boss': () => import('./pg-boss.ts'),
};

const [name = '', text = '{}'] = process.argv.slice(2);
const job = JSON.parse(text) as Job;
const opener = OPENERS[name];
if (opener === undefined) throw new RangeError(`engine: expected one of ours, got "${name}".`);
const engine = await (await opener()).open(job);
await engine.run(job.count / 4);
const ms = await timed(() => engine.run(job.count));
process.stdout.write(`${JSON.stringify({ perSecond: (job.count * 1_000) / ms })}\n`);
// What keeps the others alive, their servers or the folder end anyway.
process.exit();
