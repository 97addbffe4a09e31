import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from '../../../src/http/contract/worker.ts';
import type { Spool } from '../../../src/workers/spool.ts';
import { aResult, openSpool } from '../../support/spool.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const filesIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('the spool', () => {
  test('keeps a result in a file that only its owner reads', async () => {
    const { spool, folder } = await openSpool();
    await spool.add(aResult());
    const [name] = filesIn(folder);
    expect(name).toBe('000000000001-lease-1.json');
    expect(statSync(join(folder, name!)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(folder, name!), 'utf8'))).toEqual(aResult());
  });

  test('gives what an earlier runner left, in its order, and goes on after it', async () => {
    const { spool, folder } = await openSpool();
    for (const n of [1, 2, 3]) await spool.add(aResult({ taskId: `task-${n}`, leaseId: `lease-${n}` }));
    await spool.settle(spool.results[0]!);
    const { spool: next } = await openSpool(folder);
    await next.add(aResult({ taskId: 'task-4' }));
    expect(next.results.map(({ seq, taskId }) => `${seq} ${taskId}`)).toEqual([
      '2 task-2',
      '3 task-3',
      '4 task-4',
    ]);
    expect(next.leases).toEqual(['lease-2', 'lease-3', 'lease-1']);
    expect(JSON.parse(await next.read(next.results[0]!))).toMatchObject({ taskId: 'task-2' });
  });

  test('keeps the result of an older Task API under its task', async () => {
    const { spool, folder } = await openSpool();
    const { leaseId: _, ...older } = aResult();
    await spool.add(older);
    expect(filesIn(folder)).toEqual(['000000000001-task-1.json']);
    expect(spool.leases).toEqual([]);
  });

  test('lets no id name a file elsewhere', async () => {
    const { spool, folder } = await openSpool();
    await spool.add(aResult({ leaseId: '../../evil' }));
    expect(filesIn(folder)).toEqual(['000000000001-______evil.json']);
  });

  test('sets aside what is no result, removes half-written files, and says so', async () => {
    const folder = join(tempFolder(), 'spool');
    mkdirSync(join(folder, '000000000006-a-folder.json'), { recursive: true });
    const foreign = {
      '000000000001-truncated.json': '{"taskId": "tas',
      '000000000002-no-task.json': '{"stdout": ""}',
      '000000000003-null.json': 'null',
      '000000000005-lease.json': JSON.stringify({ ...aResult(), leaseId: 5 }),
      '000000000007-long-lease.json': JSON.stringify(aResult({ leaseId: 'x'.repeat(201) })),
      '000000000008-large.json': ' '.repeat(MAX_BODY_BYTES + 1),
      '12-other.json': JSON.stringify(aResult()),
      'notes.txt': 'a person was here',
      '.DS_Store': '',
    };
    for (const [name, text] of Object.entries(foreign)) writeFileSync(join(folder, name), text);
    symlinkSync('/dev/zero', join(folder, '000000000009-endless.json'));
    writeFileSync(join(folder, '.000000000003-c.json.uuid.tmp'), '{');
    writeFileSync(join(folder, '000000000004-d.json'), JSON.stringify(aResult({ taskId: 'good' })));
    const { spool, lines } = await openSpool(folder);
    expect(spool.results.map(({ taskId }) => taskId)).toEqual(['good']);
    expect(readdirSync(folder).sort()).toEqual(['000000000004-d.json', 'rejected']);
    const aside = readdirSync(join(folder, 'rejected')).sort();
    expect(aside).toHaveLength(Object.keys(foreign).length + 2);
    expect(aside.slice(-3)).toEqual([
      '000000000010-.DS_Store',
      '000000000011-12-other.json',
      '000000000012-notes.txt',
    ]);
    expect(lines.map(({ level }) => level)).toEqual(aside.map(() => 'error'));
    await spool.add(aResult({ taskId: 'next' }));
    expect(spool.results.map(({ seq }) => seq)).toEqual([4, 13]);
  });

  test('sets a refused result aside and puts a minimal failed one in its place, once', async () => {
    const { spool, folder, lines } = await openSpool();
    await spool.add(aResult());
    await spool.reject(spool.results[0]!, 'too large (413)');
    expect(filesIn(join(folder, 'rejected'))).toEqual(['000000000001-lease-1.json']);
    const [substitute] = spool.results;
    expect(JSON.parse(await spool.read(substitute!))).toEqual({
      taskId: 'task-1',
      leaseId: 'lease-1',
      stdout: '',
      stderr: '',
      exitCode: -1,
      error: 'the result could not be reported: too large (413)',
    });
    await spool.reject(substitute!, 'again');
    expect(spool.results).toEqual([]);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });

  test('keeps the order in which work ended while the disk is slow with one of them', async () => {
    const { spool, folder } = await openSpool();
    const large = spool.add(aResult({ taskId: 'first', stdout: 'x'.repeat(4_000_000) }));
    await Promise.all([large, spool.add(aResult({ taskId: 'second' }))]);
    expect(spool.results.map(({ taskId }) => taskId)).toEqual(['first', 'second']);
    const { spool: next } = await openSpool(folder);
    expect(next.results.map(({ taskId }) => taskId)).toEqual(['first', 'second']);
  });

  test('has an order of its own, whatever the clock and the times of the files say', async () => {
    const { spool, folder } = await openSpool();
    for (const taskId of ['first', 'second', 'third']) await spool.add(aResult({ taskId }));
    for (const [index, name] of filesIn(folder).sort().entries())
      utimesSync(join(folder, name), 2_000_000_000 - index, 2_000_000_000 - index);
    const { spool: next } = await openSpool(folder);
    expect(next.results.map(({ taskId }) => taskId)).toEqual(['first', 'second', 'third']);
  });
});

describe('what is set aside', () => {
  const refuse = async (spool: Spool, taskId: string, stdout = '') => {
    await spool.add(aResult({ taskId, leaseId: taskId, stdout }));
    await spool.reject(spool.results[0]!, 'no');
    await spool.settle(spool.results[0]!);
  };

  test('stays up to a number of files; the oldest go, and that is said', async () => {
    const { spool, folder, lines } = await openSpool(undefined, { rejected: { files: 2, bytes: 1_000_000 } });
    for (const taskId of ['a', 'b', 'c']) await refuse(spool, taskId);
    expect(filesIn(join(folder, 'rejected'))).toEqual(['000000000003-b.json', '000000000005-c.json']);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { file: 'rejected/000000000001-a.json', msg: expect.stringContaining('the oldest goes') },
    ]);
  });

  test('stays up to a number of bytes, the newest one in any case', async () => {
    const { spool, folder } = await openSpool(undefined, { rejected: { files: 100, bytes: 5_000 } });
    for (const taskId of ['a', 'b']) await refuse(spool, taskId, 'x'.repeat(2_000));
    expect(filesIn(join(folder, 'rejected'))).toHaveLength(2);
    await refuse(spool, 'c', 'x'.repeat(9_000));
    expect(filesIn(join(folder, 'rejected'))).toEqual(['000000000005-c.json']);
  });

  test('by a later runner counts as newer, though its own spool was empty', async () => {
    const limits = { rejected: { files: 2, bytes: 1_000_000 } };
    const { spool, folder } = await openSpool(undefined, limits);
    for (const taskId of ['a', 'b']) await refuse(spool, taskId);
    const { spool: next } = await openSpool(folder, limits);
    await refuse(next, 'c');
    const left = filesIn(join(folder, 'rejected')).map((name) => name.slice(13));
    expect(left).toEqual(['b.json', 'c.json']);
  });
});

describe('with a disk that takes nothing', () => {
  /** A file where the folder was: nothing can be written there. */
  async function onFullDisk() {
    const stage = await openSpool();
    rmSync(stage.folder, { recursive: true });
    writeFileSync(stage.folder, '');
    return stage;
  }

  test('a result is held in memory, no work is taken, and that is said once', async () => {
    const { spool, lines, folder } = await onFullDisk();
    expect(spool.obstacle).toBeNull();
    for (const taskId of ['a', 'b']) await spool.add(aResult({ taskId }));
    for (const _try of [1, 2, 3]) await spool.mend();
    expect(JSON.parse(await spool.read(spool.results[1]!))).toEqual(aResult({ taskId: 'b' }));
    expect(spool.unsaved).toHaveLength(2);
    expect(spool.obstacle).toContain(`results can not be written to ${folder}`);
    expect(lines).toMatchObject([{ level: 'error', msg: expect.stringContaining('kept in memory') }]);
  });

  test('work is taken again only when the disk takes results again', async () => {
    const { spool } = await onFullDisk();
    await spool.add(aResult());
    await spool.settle(spool.results[0]!);
    expect([spool.results, spool.unsaved]).toEqual([[], []]);
    await spool.mend();
    expect(spool.obstacle).toContain('can not be written');
  });

  test('what was held in memory is written as soon as there is room', async () => {
    const { spool, folder, lines } = await onFullDisk();
    await spool.add(aResult());
    rmSync(folder);
    await spool.mend();
    expect([spool.unsaved, spool.obstacle]).toEqual([[], null]);
    expect(readdirSync(folder).sort()).toEqual(['000000000001-lease-1.json', 'rejected']);
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: expect.stringContaining('again') });
    await spool.settle(spool.results[0]!);
    expect(filesIn(folder)).toEqual([]);
  });

  test('refusing a result throws nothing, and its substitute is held as well', async () => {
    const { spool } = await onFullDisk();
    await spool.add(aResult());
    await spool.reject(spool.results[0]!, 'too large');
    expect(JSON.parse(await spool.read(spool.results[0]!))).toMatchObject({ taskId: 'task-1', exitCode: -1 });
    await spool.reject(spool.results[0]!, 'again');
    expect(spool.results).toEqual([]);
  });
});

describe('a full spool', () => {
  test.each([
    ['results', { results: 2 }],
    ['bytes', { bytes: 1_000 }],
  ])(
    'takes no more work beyond a number of %s, also after a restart, but keeps what comes',
    async (_, limits) => {
      const { spool, folder } = await openSpool(undefined, limits);
      await spool.add(aResult());
      expect(spool.obstacle).toBeNull();
      await spool.add(aResult({ stdout: 'x'.repeat(1_000) }));
      expect(spool.obstacle).toBe('2 results are not sent yet');
      await spool.add(aResult());
      const { spool: next } = await openSpool(folder, limits);
      expect(next.obstacle).toBe('3 results are not sent yet');
      for (const result of next.results) await next.settle(result);
      expect(next.obstacle).toBeNull();
    },
  );
});
