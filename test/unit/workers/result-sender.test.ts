import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createApiClient } from '../../../src/workers/api-client.ts';
import { ResultSender } from '../../../src/workers/result-sender.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeTaskApi, type Fate, TOKEN } from '../../support/fake-task-api.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aResult, openSpool } from '../../support/spool.ts';

/** More than any back-off while the Task API is away. */
const BACKOFF_MS = 30_000;
/** More than any of a result that alone is not taken. */
const SUSPECT_MS = 300_000;

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

  test.each([
    ['an error of its own', { status: 500, body: 'oops' }],
    ['a full disk', { status: 503, body: { error: 'disk', code: 'storage_unavailable' } }],
    ['a firewall', { status: 403, body: '<html>blocked</html>' }],
    ['a broken connection', 'reset'],
  ] as [string, Fate][])('are not held up by some that are never taken, with %s', async (_, fate) => {
    for (const id of [1, 2, 5]) api.poison.set(`task-${id}`, fate);
    const { add, spool, lines } = await startSender();
    await add(1, 2, 3, 4, 5, 6);
    const rest = async () => {
      await resting();
      clock.advance(BACKOFF_MS);
    };
    for (let round = 1; round <= 50; round += 1) await rest();
    await add(7);
    await api.until(() => api.results.some(({ taskId }) => taskId === 'task-7') || api.results.length < 3);
    await resting();
    expect(arrived().toSorted()).toEqual(['task-3', 'task-4', 'task-6', 'task-7']);
    expect(spool.results.map(({ taskId }) => taskId)).toEqual(['task-1', 'task-2', 'task-5']);
    const told = lines.filter(({ msg }) => msg === 'this result is not taken; trying again');
    expect(told.map(({ taskId }) => taskId).toSorted()).toEqual(['task-1', 'task-2', 'task-5']);
    expect(lines.length).toBeLessThan(10);
  });

  test('are tried again, ever more slowly, while they alone are not taken, and arrive when they are', async () => {
    api.poison.set('task-1', { status: 500, body: 'oops' });
    const { add, sender } = await startSender();
    await add(1, 2);
    await api.until(() => api.results.length === 1);
    for (let round = 1; round <= 12; round += 1) {
      await resting();
      clock.advance(SUSPECT_MS);
    }
    await resting();
    const { result } = api.seen;
    clock.advance(SUSPECT_MS / 2 - 1);
    expect(api.seen.result).toBe(result);
    api.poison.clear();
    clock.advance(SUSPECT_MS / 2 + 1);
    await sender.emptied();
    expect(arrived()).toEqual(['task-2', 'task-1']);
  });

  test('keep their order over three days without the Task API, in bounded memory and few words', async () => {
    const { add, lines, sender } = await startSender();
    const fates: Fate[] = [
      'reset',
      { status: 502, body: '<html>bad gateway</html>' },
      { status: 503, body: { error: 'disk', code: 'storage_unavailable' } },
      { status: 401, body: { error: 'Unauthorized', code: 'unauthorized' } },
      { status: 404, body: '<html>404 page not found</html>' },
      { status: 429, headers: { 'Retry-After': '90' } },
    ];
    const expected: number[] = [];
    for (let minute = 0; minute < 3 * 24 * 60; minute += 10) {
      api.always = fates[(minute / 10) % fates.length] ?? 'reset';
      if (minute % 60 === 0) {
        expected.push(expected.length + 1);
        await add(expected.length);
      }
      await resting();
      clock.advance(10 * 60_000);
    }
    await resting();
    expect(clock.pending).toBe(1);
    api.always = null;
    clock.advance(60_000);
    await sender.emptied();
    expect(arrived()).toEqual(expected.map((id) => `task-${id}`));
    expect(lines.length).toBeLessThanOrEqual(6);
  });

  test('that can not be read for a time are not given up', async () => {
    const { add, folder, sender, spool } = await startSender();
    const path = join(folder, '000000000001-lease-1.json');
    await spool.add(aResult({ stdout: 'precious' }));
    // A folder in its place: the file is there, and reading it fails.
    renameSync(path, `${folder}.kept`);
    mkdirSync(path);
    await add(2);
    await api.until(() => api.results.length === 1);
    for (let round = 1; round <= 5; round += 1) {
      await resting();
      clock.advance(SUSPECT_MS);
    }
    await resting();
    rmdirSync(path);
    renameSync(`${folder}.kept`, path);
    clock.advance(SUSPECT_MS);
    await sender.emptied();
    expect(api.results.at(-1)).toMatchObject({ taskId: 'task-1', stdout: 'precious', exitCode: 0 });
  });

  test('that can not be read for long end their task, and are set aside', async () => {
    const { folder, sender, spool } = await startSender();
    await spool.add(aResult());
    rmSync(join(folder, '000000000001-lease-1.json'));
    mkdirSync(join(folder, '000000000001-lease-1.json'));
    sender.kick();
    for (let round = 1; round <= 10; round += 1) {
      await resting();
      clock.advance(SUSPECT_MS);
    }
    await sender.emptied();
    expect(api.results).toMatchObject([{ exitCode: -1, error: expect.stringContaining('EISDIR') }]);
    expect(readdirSync(join(folder, 'rejected'))).toEqual(['000000000001-lease-1.json']);
  });

  test('are written as soon as the disk takes them, though the Task API is away', async () => {
    api.always = 'reset';
    const { add, folder, spool } = await startSender();
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    await add(1);
    await resting();
    expect(spool.unsaved).toHaveLength(1);
    rmSync(folder);
    clock.advance(BACKOFF_MS);
    await eventually('the end of the writing', () => spool.unsaved.length === 0);
    expect(existsSync(join(folder, '000000000001-lease-1.json'))).toBe(true);
  });

  test('that wait for a time are tried at once before the end', async () => {
    const { add, sender } = await startSender();
    api.next('result', { status: 429, headers: { 'Retry-After': '200' } });
    await add(1);
    await api.until(() => api.seen.result === 1);
    await resting();
    await sender.emptied();
    expect(arrived()).toEqual(['task-1']);
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
