/** What one submission and one claim cost with many tasks waiting, beside a queue that is empty. */
import type { TaskQueue } from '../../src/queue/index.ts';
import { compound, figure } from '../figures.ts';
import { alternate, mean, median, repeat, type Sides } from '../measure.ts';
import { claimOne, fill, finish, type RunningQueue, startQueue, submitAndClaim } from '../queues.ts';
import { dataFolderIn } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import { aPrompt } from '../tasks.ts';
import type { Benchmark } from './benchmark.ts';

const GROUP = 16;
const SESSIONS = 100_000;
/** Of the backlog, on the way to all of it. */
const STEPS = [0, 1_000, 10_000, 100_000];
const MUST = 'ratio <= 1.5';

/** Milliseconds of one submission and one claim. */
type Cost = (queue: TaskQueue, session: string) => Promise<number>;

export const backlog: Benchmark = {
  name: 'backlog',
  title: 'submit and claim with 1,000,000 tasks waiting, and with 100,000 of one session',
  async run(stage) {
    const empty = await startQueue(stage.folder('empty'));
    try {
      const many = await manySessions(stage, empty.queue);
      const one = await oneSession(stage, empty.queue);
      return compound({ ...many, ...one });
    } finally {
      await empty.close();
    }
  },
};

/** Measured at each size on the way. The filled folder is left for `startup`. */
async function manySessions(stage: Stage, empty: TaskQueue) {
  const home = stage.folder('filled');
  const full = await startQueue(dataFolderIn(home));
  const most = stage.size(1_000_000, 2_000);
  const sizes = [...STEPS.filter((step) => step < most), most];
  const points: object[] = [];
  let last: Sides<number[]> = { reference: [], ours: [] };
  try {
    for (const [n, pending] of sizes.entries()) {
      await fill(full.queue, { from: sizes[n - 1] ?? 0, to: pending, sessions: SESSIONS }, stage.tell);
      const blocks = { of: stage.size(pending === most ? 200 : 50, 10), rounds: stage.size(10, 2) };
      last = await compare({ reference: empty, ours: full.queue }, single, blocks);
      points.push({ pending, ms: median(last.ours), emptyMs: median(last.reference) });
    }
    const blocks = { of: stage.size(20, 5), rounds: stage.size(10, 2) };
    const groups = await compare({ reference: empty, ours: full.queue }, grouped, blocks);
    stage.points.backlog = points;
    return {
      median: costOf(last, median, MUST),
      mean: costOf(last, mean),
      groupsOf16: costOf(groups, median, MUST),
    };
  } finally {
    await full.close();
    stage.filled = home;
  }
}

async function oneSession(stage: Stage, empty: TaskQueue) {
  const full: RunningQueue = await startQueue(stage.folder('one-session'));
  try {
    const to = stage.size(100_000, 1_000);
    await fill(full.queue, { from: 0, to, sessions: 1 }, stage.tell);
    const ofThat: Cost = (queue) => single(queue, 'session-0');
    const blocks = { of: stage.size(100, 10), rounds: stage.size(10, 2) };
    const costs = await compare({ reference: empty, ours: full.queue }, ofThat, blocks);
    return { oneSession: costOf(costs, median, MUST) };
  } finally {
    await full.close();
  }
}

async function compare(
  queues: Sides<TaskQueue>,
  cost: Cost,
  { of, rounds }: { of: number; rounds: number },
): Promise<Sides<number[]>> {
  const block = (queue: TaskQueue) => () => repeat(of, (turn) => cost(queue, `session-${turn}`));
  await block(queues.reference)();
  await block(queues.ours)();
  const blocks = await alternate(rounds, { reference: block(queues.reference), ours: block(queues.ours) });
  return { reference: blocks.reference.flat(), ours: blocks.ours.flat() };
}

/** The one that was claimed is finished outside of the time that counts. */
async function single(queue: TaskQueue, session: string): Promise<number> {
  const start = performance.now();
  const claim = await submitAndClaim(queue, aPrompt(session));
  const ms = performance.now() - start;
  await finish(queue, claim);
  return ms;
}

/** Of 16 at once, for one of them. */
async function grouped(queue: TaskQueue, session: string): Promise<number> {
  const turns = Array.from({ length: GROUP }, (_, n) => n);
  const start = performance.now();
  await Promise.all(turns.map((n) => queue.submit(aPrompt(`${session}-${n}`))));
  const claims = await Promise.all(turns.map(() => claimOne(queue)));
  const ms = (performance.now() - start) / GROUP;
  await Promise.all(claims.map((claim) => finish(queue, claim)));
  return ms;
}

function costOf({ ours, reference }: Sides<number[]>, of: (samples: number[]) => number, must?: string) {
  const measured = { value: of(ours), reference: of(reference), unit: 'ms' };
  return figure({ ...measured, ...(must !== undefined && { must }) });
}
