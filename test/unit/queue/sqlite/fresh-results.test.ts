/** A result that is still in memory is the one that the database has. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  type Claim,
  type JsonValue,
  openQueue,
  type Poller,
  type Result,
  TASK_TYPES,
  type TaskQueue,
} from '../../../../src/queue/index.ts';
import { FreshResults } from '../../../../src/queue/sqlite/fresh-results.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const POLLER: Poller = {
  runnerId: 'A',
  instanceId: 'A-1',
  queues: ['default'],
  types: TASK_TYPES,
  max: 50,
};

function aResult(taskId: string, stdout = ''): Result {
  return { taskId, stdout, stderr: '', exitCode: 0, error: null, completedAt: 1, metadata: {} };
}

async function take(queue: TaskQueue): Promise<Claim[]> {
  return queue.claim(POLLER, new AbortController().signal);
}

async function end(queue: TaskQueue, claim: Claim, said: { stdout?: string; error?: JsonValue } = {}) {
  const { id: taskId, leaseId } = claim;
  const usual = { stdout: '', stderr: '', exitCode: 0, error: null, metadata: {} };
  await queue.finish({ taskId, leaseId, ...usual, ...said });
}

test.each<[string, { stdout?: string; error?: JsonValue }]>([
  ['plain', { stdout: 'hello\n' }],
  ['of several scripts', { stdout: 'ä€😀', error: 'ä€😀' }],
  ['with NUL', { stdout: 'a\0b', error: 'a\0b' }],
  ['with half a surrogate pair', { stdout: 'a\ud800b', error: { '\ud800': '\udc00' } }],
  ['with numbers that JSON writes otherwise', { error: [1e21, 0.1, 1e-7] }],
  ['with a key named __proto__', { error: JSON.parse('{"__proto__":{"x":1}}') }],
  ['large', { stdout: 'x'.repeat(100_000) }],
])('a result that is %s is read as it is after a restart', async (_what, said) => {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const open = () => openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  const queue = await open();
  const { taskId } = await queue.submit(aCommand());
  const [claim] = await take(queue);
  await end(queue, claim as Claim, said);
  const fresh = queue.outcome(taskId);
  await queue.close();
  const again = await open();
  onTestFinished(() => again.close());
  expect(JSON.stringify(fresh)).toBe(JSON.stringify(again.outcome(taskId)));
});

test('of many results, each is read as it was reported, whether it is still in memory or not', async () => {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  onTestFinished(() => queue.close());
  const tasks = await Promise.all(Array.from({ length: 300 }, () => queue.submit(aCommand())));
  const all: Claim[] = [];
  while (all.length < tasks.length) all.push(...(await take(queue)));
  await Promise.all(all.map((claim, index) => end(queue, claim, { stdout: `of ${index}` })));
  for (const [index, { id }] of all.entries()) expect(queue.outcome(id)?.result?.stdout).toBe(`of ${index}`);
});

test('128 small ones are kept, the oldest go first', () => {
  const fresh = new FreshResults();
  for (let index = 0; index < 300; index++) fresh.keep('completed', aResult(`${index}`), 100);
  const kept = Array.from({ length: 300 }, (_, index) => fresh.get(`${index}`) !== undefined);
  expect(kept.indexOf(true)).toBe(172);
  expect(kept.lastIndexOf(false)).toBe(171);
});

test('one that is too long is not kept, and takes an older one of its task along', () => {
  const fresh = new FreshResults();
  fresh.keep('failed', aResult('a'), 4_096);
  expect(fresh.get('a')?.status).toBe('failed');
  fresh.keep('completed', aResult('a', 'x'.repeat(4_097)), 4_097);
  expect(fresh.get('a')).toBeUndefined();
});
