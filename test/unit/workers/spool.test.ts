import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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

  test('sets aside what it can not read, removes half-written files, and says so', async () => {
    const folder = join(tempFolder(), 'spool');
    mkdirSync(folder);
    writeFileSync(join(folder, '000000000001-a.json'), '{"taskId": "tas');
    writeFileSync(join(folder, '000000000002-b.json'), '{"stdout": ""}');
    writeFileSync(join(folder, '.000000000003-c.json.uuid.tmp'), '{');
    writeFileSync(join(folder, '000000000004-d.json'), JSON.stringify(aResult({ taskId: 'good' })));
    const { spool, lines } = await openSpool(folder);
    expect(spool.results.map(({ taskId }) => taskId)).toEqual(['good']);
    expect(readdirSync(folder).sort()).toEqual(['000000000004-d.json', 'rejected']);
    expect(filesIn(join(folder, 'rejected'))).toHaveLength(2);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
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

  test('keeps the last hundred refused results', async () => {
    const { spool, folder } = await openSpool();
    const rejected = join(folder, 'rejected');
    for (let n = 100; n < 220; n += 1) writeFileSync(join(rejected, `000000000${n}-x.json`), '');
    await spool.add(aResult());
    await spool.reject(spool.results[0]!, 'no');
    expect(filesIn(rejected)).toHaveLength(100);
    expect(filesIn(rejected)).not.toContain('000000000100-x.json');
  });

  test('holds a result in memory where the disk does not take it', async () => {
    const { spool, folder, lines } = await openSpool();
    rmSync(folder, { recursive: true });
    await spool.add(aResult());
    expect(JSON.parse(await spool.read(spool.results[0]!))).toEqual(aResult());
    expect(lines.at(-1)).toMatchObject({ level: 'error' });
    await spool.settle(spool.results[0]!);
    expect(spool.results).toEqual([]);
  });

  test('is full at a bound, so that no more work is taken', async () => {
    const { spool, folder } = await openSpool();
    for (let n = 1; n <= 1_000; n += 1) {
      writeFileSync(join(folder, `${String(n).padStart(12, '0')}-x.json`), JSON.stringify(aResult()));
    }
    expect(spool.isFull).toBe(false);
    expect((await openSpool(folder)).spool.isFull).toBe(true);
  });
});
