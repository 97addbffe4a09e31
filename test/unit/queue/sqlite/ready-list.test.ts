import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { holdFile } from '../../../../src/queue/sqlite/database.ts';
import { TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { ReadyList } from '../../../../src/queue/sqlite/ready-list.ts';
import { Transaction } from '../../../../src/queue/sqlite/transaction.ts';
import { Random } from '../../../fuzz/random.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const LANE = 'default|command';

function setUp() {
  const file = holdFile(join(tempFolder(), 'tasks.db'), { ...TASK_FILE, migrations: [] }).open();
  onTestFinished(() => file.close());
  const list = new ReadyList(file.db);
  const drain = () => {
    const order: number[] = [];
    const tx = new Transaction();
    for (let row = list.peek(tx, LANE); row !== undefined; row = list.peek(tx, LANE)) {
      order.push(row.seq);
      list.drop(tx, row.job);
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
    list.add(new Transaction(), LANE, seq, priority);
  expect(drain()).toEqual([8, 9, 1, 3, 5, 4]);
});

test('keeps the order when the wall clock is set back an hour between two tasks', () => {
  const { list, drain } = setUp();
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 12) });
  list.add(new Transaction(), LANE, 1, 0);
  vi.setSystemTime(Date.UTC(2026, 0, 1, 11));
  list.add(new Transaction(), LANE, 2, 0);
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
    list.add(new Transaction(), LANE, seq, 0);
  }
  expect(drain()).toEqual([1, 2, 3]);
});

test('keeps every task claimable when the wall clock starts in 1970', () => {
  const { list, drain } = setUp();
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  list.add(new Transaction(), LANE, 2 ** 34, 10);
  list.add(new Transaction(), LANE, 7, -10);
  expect(drain()).toEqual([2 ** 34, 7]);
});

test('counts who is ahead in the lane, up to a limit', () => {
  const { list } = setUp();
  const jobs = [1, 2, 3, 4].map((seq) => list.add(new Transaction(), LANE, seq, 0));
  expect(list.ahead(jobs[3]!, 1_000)).toBe(3);
  expect(list.ahead(jobs[3]!, 2)).toBe(2);
});

test('finds what the table has first, whatever a commit adds and takes out after its first look', () => {
  const { db, list } = setUp();
  const random = new Random(1);
  const first = db
    .prepare<[string], number>(
      'SELECT id FROM plainjob_jobs WHERE status = 0 AND type = ? ORDER BY next_run_at LIMIT 1',
    )
    .pluck();
  const [tx, lanes] = [new Transaction(), [LANE, 'gpu|command']];
  const jobs: number[] = [];
  for (let step = 1; step <= 4_000; step += 1) {
    const lane = random.pick(lanes);
    const isFilling = step % 1_000 < 300;
    if (random.chance(isFilling ? 0.9 : 0.4)) jobs.push(list.add(tx, lane, step, random.int(-10, 10)));
    else list.drop(tx, random.chance(0.7) ? (list.peek(tx, lane)?.job ?? 0) : random.pick(jobs));
    expect(list.peek(tx, lane)?.job, `step ${step}`).toBe(first.get(lane));
  }
});

test('looks again when what an operation has added was undone', () => {
  const { db, list } = setUp();
  const tx = new Transaction();
  const kept = list.add(tx, LANE, 2, 0);
  expect(list.peek(tx, LANE)?.job).toBe(kept);
  const mark = tx.mark();
  db.exec('SAVEPOINT operation');
  list.add(tx, LANE, 1, 0);
  db.exec('ROLLBACK TO operation');
  tx.backTo(mark);
  expect(list.peek(tx, LANE)?.job).toBe(kept);
});

test('leaves no row of what was taken', () => {
  const { db, list, drain } = setUp();
  for (let seq = 1; seq <= 5; seq += 1) list.add(new Transaction(), LANE, seq, 0);
  expect(drain()).toHaveLength(5);
  expect(db.prepare('SELECT COUNT(*) FROM plainjob_jobs').pluck().get()).toBe(0);
});

test('prunes in steps what an earlier version has marked as done or failed, and nothing that waits', () => {
  const { db, list, drain } = setUp();
  const jobs = [1, 2, 3, 4, 5, 6].map((seq) => list.add(new Transaction(), LANE, seq, 0));
  const mark = db.prepare<[number, number]>('UPDATE plainjob_jobs SET status = ? WHERE id = ?');
  for (const [index, job] of jobs.slice(0, 5).entries()) mark.run(index % 2 === 0 ? 2 : 3, job);
  expect([list.prune(3), list.prune(3), list.prune(3)]).toEqual([3, 2, 0]);
  expect(drain()).toEqual([6]);
});

test('a lane that was found empty is looked into again when that commit is undone, or gets a job', () => {
  const { db, list } = setUp();
  const job = list.add(new Transaction(), LANE, 1, 0);
  db.prepare('BEGIN').run();
  const tx = new Transaction();
  list.drop(tx, job);
  expect(list.peek(tx, LANE)).toBeUndefined();
  expect(list.isEmpty(LANE)).toBe(true);
  db.prepare('ROLLBACK').run();
  tx.undo();
  expect(list.isEmpty(LANE)).toBe(false);
  expect(list.peek(new Transaction(), LANE)).toMatchObject({ job, seq: 1 });

  list.drop(tx, job);
  expect(list.peek(new Transaction(), LANE)).toBeUndefined();
  list.add(new Transaction(), LANE, 2, 0);
  expect(list.peek(new Transaction(), LANE)?.seq).toBe(2);
});

test('knows from the start which lanes have a job, and no other', () => {
  const { db, list } = setUp();
  for (const lane of ['b|x', 'a|x', 'c|x', 'a|x']) list.add(new Transaction(), lane, 1, 0);
  list.drop(new Transaction(), list.add(new Transaction(), 'd|x', 2, 0));
  const again = new ReadyList(db);
  expect(['a|x', 'b|x', 'c|x', 'd|x', LANE].map((lane) => again.isEmpty(lane))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
});

test('tells those that have waited longest, whatever their lane and priority', () => {
  const { list } = setUp();
  const jobs = [
    [LANE, 3, -10],
    ['gpu|command', 4, 10],
    [LANE, 9, 0],
  ] as const;
  for (const [lane, seq, priority] of jobs) list.add(new Transaction(), lane, seq, priority);
  expect(list.oldest(2)).toEqual([3, 4]);
  expect(list.oldest(9)).toEqual([3, 4, 9]);
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
