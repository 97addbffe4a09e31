import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { holdFile } from '../../../../src/queue/sqlite/database.ts';
import { TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { ReadyList } from '../../../../src/queue/sqlite/ready-list.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const LANE = 'default|command';

function setUp() {
  const file = holdFile(join(tempFolder(), 'tasks.db'), { ...TASK_FILE, migrations: [] }).open();
  onTestFinished(() => file.close());
  const list = new ReadyList(file.db);
  const drain = () => {
    const order: number[] = [];
    for (let row = list.peek(LANE); row !== undefined; row = list.peek(LANE)) {
      order.push(row.seq);
      list.take(LANE);
    }
    return order;
  };
  return { db: file.db, list, drain };
}

test('orders by priority, then by submission, whenever a task was added', () => {
  const { list, drain } = setUp();
  for (const [seq, priority] of [
    [5, 0],
    [3, 0],
    [9, 10],
    [4, -10],
    [1, 0],
    [8, 10],
  ] as const)
    list.add(LANE, seq, priority);
  expect(drain()).toEqual([8, 9, 1, 3, 5, 4]);
});

test('keeps the order when the wall clock is set back an hour between two tasks', () => {
  const { list, drain } = setUp();
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 12) });
  list.add(LANE, 1, 0);
  vi.setSystemTime(Date.UTC(2026, 0, 1, 11));
  list.add(LANE, 2, 0);
  expect(drain()).toEqual([1, 2]);
});

test('keeps the order when the wall clock jumps while a task is added', () => {
  const { list, drain } = setUp();
  onTestFinished(() => void vi.restoreAllMocks());
  const noon = Date.UTC(2026, 0, 1, 12);
  for (const [seq, jump] of [
    [1, 3_600_000],
    [2, -3_600_000],
    [3, 0],
  ] as const) {
    vi.spyOn(Date, 'now')
      .mockReturnValueOnce(noon)
      .mockReturnValue(noon + jump);
    list.add(LANE, seq, 0);
  }
  expect(drain()).toEqual([1, 2, 3]);
});

test('keeps every task claimable when the wall clock starts in 1970', () => {
  const { list, drain } = setUp();
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  list.add(LANE, 2 ** 34, 10);
  list.add(LANE, 7, -10);
  expect(drain()).toEqual([2 ** 34, 7]);
});

test('counts who is ahead in the lane, up to a limit', () => {
  const { list } = setUp();
  const jobs = [1, 2, 3, 4].map((seq) => list.add(LANE, seq, 0));
  expect(list.ahead(jobs[3]!, 1_000)).toBe(3);
  expect(list.ahead(jobs[3]!, 2)).toBe(2);
});

test('leaves done rows only, and prunes them in steps', () => {
  const { db, list, drain } = setUp();
  for (let seq = 1; seq <= 5; seq += 1) list.add(LANE, seq, 0);
  drain();
  expect(db.prepare('SELECT DISTINCT status FROM plainjob_jobs').pluck().all()).toEqual([2]);
  expect(list.prune(3)).toBe(3);
  expect(list.prune(3)).toBe(2);
});

test('finds the first of a lane by an index, whatever the backlog', () => {
  const { db } = setUp();
  const plan = db
    .prepare(
      'EXPLAIN QUERY PLAN SELECT id FROM plainjob_jobs WHERE status = 0 AND type = ? ORDER BY next_run_at LIMIT 1',
    )
    .all(LANE) as { detail: string }[];
  expect(plan.map((step) => step.detail).join()).toMatch(/^SEARCH .* USING (COVERING )?INDEX [^,]*$/);
});

test('runs no timer of its own', () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  setUp();
  expect(timers()).toBe(before);
});
