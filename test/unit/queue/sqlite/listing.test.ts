/** A page of a list is what one would get who sorts all tasks and takes those that fit. */
import { expect, onTestFinished, test } from 'vitest';
import {
  openQueue,
  TASK_TYPES,
  type TaskFilter,
  type TaskQueue,
  type TaskState,
} from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand, aFileRead, aPrompt, aReport } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const QUEUES = ['default', 'a', 'gpu', 'z.9'];

async function open(): Promise<TaskQueue> {
  const folder = tempFolder();
  const files = { taskDb: `${folder}/tasks.db`, eventDb: `${folder}/events.db` };
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  onTestFinished(() => queue.close());
  return queue;
}

/** Tasks of every status, queue and type, in a mixed order; their ids in the order of submission. */
async function fill(queue: TaskQueue): Promise<string[]> {
  const tasks = Array.from({ length: 120 }, (_, n) => {
    const queue = QUEUES[Math.floor(n / 4) % 4] ?? 'default';
    const change = { queue, priority: (n % 5) - 2, tags: n % 3 ? ['t'] : [] };
    if (n % 4 === 0) return aFileRead(change);
    if (n % 4 === 1) return aPrompt(`s${n}`, change);
    return aCommand({ ...change, sessionKey: queue === 'gpu' && n % 8 !== 7 ? 'key' : null });
  });
  const ids: string[] = [];
  for (const task of tasks) ids.push((await queue.submit(task)).taskId);
  const runner = { runnerId: 'r', instanceId: 'i', types: TASK_TYPES };
  const asked = { ...runner, queues: QUEUES, max: 60 };
  const claims = await queue.claim(asked, new AbortController().signal);
  const some = claims.filter((_, n) => n % 3 !== 0);
  await Promise.all(
    some.map((claim, n) => queue.finish(aReport(claim, n % 2 ? { exitCode: 1, error: 'no' } : {}))),
  );
  for (const claim of some.slice(0, 9)) queue.consume(claim.id);
  await Promise.all(ids.filter((_, n) => n % 11 === 0).map((id) => queue.cancel(id).catch(() => {})));
  return ids;
}

function everyPage(queue: TaskQueue, filter: Omit<TaskFilter, 'limit'>, limit: number): string[][] {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = queue.list({ ...filter, limit, ...(cursor && { cursor }) });
    pages.push(page.tasks.map(({ taskId }) => taskId));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return pages;
}

function filters(): Omit<TaskFilter, 'limit'>[] {
  const of = <Field extends keyof TaskFilter>(field: Field, ...values: TaskFilter[Field][]) =>
    [{}, ...values.map((value) => ({ [field]: value }))] as Partial<TaskFilter>[];
  const statuses = of('status', 'pending', 'running', 'completed', 'failed', 'cancelled');
  const types = of('type', 'command', 'file-read', 'claude-cli', 'gemini-cli');
  const others = [...of('queue', 'default', 'gpu', 'z.9', 'none'), ...of('tag', 't').slice(1)];
  const keys = of('sessionKey', 'key');
  return statuses.flatMap((status) =>
    types.flatMap((type) =>
      others.flatMap((other) => keys.map((key) => ({ ...status, ...type, ...other, ...key }))),
    ),
  );
}

function fits(task: TaskState, { status, type, queue, sessionKey, tag }: Omit<TaskFilter, 'limit'>): boolean {
  return (
    task.status === (status ?? task.status) &&
    task.type === (type ?? task.type) &&
    task.queue === (queue ?? task.queue) &&
    task.sessionKey === (sessionKey ?? task.sessionKey) &&
    (tag === undefined || task.tags.includes(tag))
  );
}

test('every filter, in pages of every size, lists what a look at all tasks finds, the newest first', async () => {
  const queue = await open();
  const ids = await fill(queue);
  const states = ids.map((id) => queue.state(id)).filter((state) => state !== undefined);
  const unread = states.filter(({ readAt }) => readAt === null).toReversed();
  expect(new Set(unread.map(({ status }) => status)).size).toBe(5);
  for (const filter of filters()) {
    const expected = unread.filter((task) => fits(task, filter)).map(({ taskId }) => taskId);
    for (const limit of Object.keys(filter).length < 2 ? [1, 7, 500] : [7, 500]) {
      const pages = everyPage(queue, filter, limit);
      expect({ filter, ids: pages.flat() }).toEqual({ filter, ids: expected });
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  }
});

test('a page has room for no task of most groups: the newest come from where they are', async () => {
  const queue = await open();
  const older = await Promise.all(
    Array.from({ length: 40 }, (_, n) => queue.submit(aCommand({ queue: `q${n}` }))),
  );
  const newer = await Promise.all([1, 2, 3, 4].map(() => queue.submit(aCommand({ queue: 'q20' }))));
  const ids = [...older, ...newer].map(({ taskId }) => taskId);
  const listed = (limit: number) => queue.list({ limit }).tasks.map(({ taskId }) => taskId);
  for (const limit of [1, 3, 4, 5, 6, 44, 50])
    expect(listed(limit)).toEqual(ids.toReversed().slice(0, limit));
});
