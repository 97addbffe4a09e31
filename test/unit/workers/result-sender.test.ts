import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createApiClient } from '../../../src/workers/api-client.ts';
import { ResultSender } from '../../../src/workers/result-sender.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeTaskApi, TOKEN } from '../../support/fake-task-api.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aResult, openSpool } from '../../support/spool.ts';

/** More than any back-off. */
const BACKOFF_MS = 30_000;

/** Knows the sender's rest, of whatever length, from the time limit of its request. */
class RestClock extends ManualClock {
  #isResting = false;

  get isResting(): boolean {
    return this.#isResting && this.pending === 1;
  }

  override after(ms: number, fn: () => void): () => void {
    this.#isResting = ms !== REQUEST_MS;
    return super.after(ms, fn);
  }
}

const REQUEST_MS = 60_000;

let api: FakeTaskApi;
let clock: RestClock;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  clock = new RestClock();
  return () => api.stop();
});

async function startSender(folder?: string) {
  const stage = await openSpool(folder);
  const client = createApiClient({ url: api.url, token: TOKEN, clock });
  const sender = new ResultSender({ api: client, spool: stage.spool, clock, log: stage.log });
  sender.start();
  onTestFinished(() => sender.stop());
  const add = async (...ids: number[]) => {
    for (const id of ids) await stage.spool.add(aResult({ taskId: `task-${id}`, leaseId: `lease-${id}` }));
    sender.kick();
  };
  return { ...stage, sender, add };
}

const arrived = () => api.results.map(({ taskId }) => taskId);

const resting = () => eventually('a rest', () => clock.isResting);

describe('spooled results', () => {
  test('are sent in their order, and forgotten when they are taken', async () => {
    const { add, spool, folder, sender } = await startSender();
    await add(1, 2, 3);
    await sender.emptied();
    expect(arrived()).toEqual(['task-1', 'task-2', 'task-3']);
    expect(api.results[0]).toEqual(aResult());
    expect(spool.results).toEqual([]);
    expect(existsSync(join(folder, '000000000001-lease-1.json'))).toBe(false);
  });

  test.each([
    ['a broken connection', 'reset'],
    ['a proxy without a server', { status: 502, body: '<html>bad gateway</html>' }],
    ['a page that is no answer', { status: 200, body: '<html>sign in</html>' }],
    ['a full disk', { status: 503, body: { error: 'disk', code: 'storage_unavailable' } }],
    ['a wrong token', { status: 401, body: { error: 'Unauthorized', code: 'unauthorized' } }],
  ] as const)('are sent again after %s', async (_, fate) => {
    const { add, lines, sender } = await startSender();
    api.next('result', fate, fate);
    await add(1);
    for (const count of [1, 2]) {
      await api.until(() => api.seen.result === count);
      await resting();
      clock.advance(BACKOFF_MS);
    }
    await sender.emptied();
    expect(arrived()).toEqual(['task-1']);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('whose answer got lost are settled by the refusal of the second one', async () => {
    const { add, sender, lines } = await startSender();
    api.next('result', 'lost answer');
    await add(1);
    await api.until(() => api.seen.result === 1);
    await resting();
    clock.advance(BACKOFF_MS);
    await sender.emptied();
    expect(arrived()).toEqual(['task-1']);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('wait as long as the Task API asks', async () => {
    const { add, sender } = await startSender();
    api.next('result', { status: 429, headers: { 'Retry-After': '120' } });
    await add(1);
    await api.until(() => api.seen.result === 1);
    await resting();
    clock.advance(119_000);
    expect(api.seen.result).toBe(1);
    clock.advance(1_000);
    await sender.emptied();
  });

  test('are not held up by one that the Task API can not digest', async () => {
    const { add, spool } = await startSender();
    api.next('result', { status: 500, body: 'oops' });
    await add(1, 2, 3);
    await api.until(() => api.results.length === 2);
    expect(arrived()).toEqual(['task-2', 'task-3']);
    expect(spool.results.map(({ taskId }) => taskId)).toContain('task-1');
  });

  test('that are refused are set aside; a minimal failed one and an event tell of it', async () => {
    const { add, folder, sender } = await startSender();
    api.next('result', { status: 413, body: '<html>too large</html>' });
    await add(1, 2);
    await sender.emptied();
    expect(arrived().sort()).toEqual(['task-1', 'task-2']);
    const substitute = api.results.find(({ taskId }) => taskId === 'task-1');
    expect(substitute).toMatchObject({
      exitCode: -1,
      error: expect.stringContaining('could not be reported'),
    });
    expect(existsSync(join(folder, 'rejected', '000000000001-lease-1.json'))).toBe(true);
    expect(api.events).toMatchObject([
      { type: 'task.result_refused', taskId: 'task-1', details: { status: 413 } },
    ]);
  });

  test('survive a restart of the runner', async () => {
    api.always = 'reset';
    const first = await startSender();
    await first.add(1, 2);
    await api.until(() => api.seen.result >= 1);
    await first.sender.stop();
    api.always = null;
    const second = await startSender(first.folder);
    await second.sender.emptied();
    expect(arrived()).toEqual(['task-1', 'task-2']);
  });

  test('whose file is gone end their task all the same', async () => {
    const { spool, folder, sender } = await startSender();
    await spool.add(aResult());
    rmSync(join(folder, '000000000001-lease-1.json'));
    sender.kick();
    await sender.emptied();
    expect(api.results).toMatchObject([{ taskId: 'task-1', exitCode: -1 }]);
  });
});
