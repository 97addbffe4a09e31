/** What the readers make of a trace, told by traces of a few lines. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { readAcknowledgements } from './acknowledgements.ts';
import { readDeliveries } from './deliveries.ts';

const PEER = '127.1.0.1';
const LOG = '/root/api/tasks.db-wal';
const DB = '/root/api/tasks.db';

const opened = (path: string) => `1 openat(AT_FDCWD</>, "${path}", O_RDWR|O_CREAT, 0600) = 5<${path}>`;
const wrote = (path: string, text: string, offset = 32) =>
  `1 pwrite64(5<${path}>, "\\0\\1${text}\\"", 4096, ${offset}) = 4096`;
const synced = (path: string) => `1 fsync(5<${path}>) = 0`;
const accepted = `1 accept4(3<TCP:[127.0.0.1:80]>, NULL, NULL, SOCK_CLOEXEC) = 9<TCP:[127.0.0.1:80->${PEER}:7]>`;
const answered = `1 write(9<TCP:[127.0.0.1:80->${PEER}:7]>, "HTTP/1.1 200 OK\\r\\n", 17) = 17`;

/** The log and the database are there, and so are their names. */
const BEGINNING = [opened(LOG), opened(DB), synced('/root/api'), accepted];

function traceOf(lines: readonly string[]): string {
  const path = join(tempFolder(), 'trace');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function acknowledgements(...lines: string[]) {
  const operation = { name: 'POST /tasks', peer: PEER, rows: ['row-1'] };
  return readAcknowledgements(traceOf([...BEGINNING, ...lines]), '/root', [operation]);
}

describe('an answer', () => {
  test('after the sync of its rows is synced', async () => {
    const found = await acknowledgements(wrote(LOG, 'row-1'), synced(LOG), answered);
    expect(found).toMatchObject({ answered: 1, synced: 1, commits: 1, largestGroup: 1, violations: [] });
  });

  test('without a sync is not', async () => {
    const found = await acknowledgements(wrote(LOG, 'row-1'), answered);
    expect(found).toMatchObject({ answered: 1, synced: 0, unsynced: 1, unwritten: 0 });
    expect(found.violations).toEqual([
      expect.stringContaining('an answer was written while api/tasks.db-wal is not synced: at POST /tasks'),
    ]);
  });

  test.each([
    ['a sync that failed', synced(LOG).replace('= 0', '= -1 EIO (Input/output error)')],
    ['a sync of another file', synced(DB)],
  ])('after %s is not', async (_what, sync) => {
    expect(await acknowledgements(wrote(LOG, 'row-1'), sync, answered)).toMatchObject({ unsynced: 1 });
  });

  test('before the sync has returned is not, after it is', async () => {
    const [begun, returned] = [`2 fdatasync(5<${LOG}> <unfinished ...>`, '2 <... fdatasync resumed>) = 0'];
    const write = wrote(LOG, 'row-1');
    expect(await acknowledgements(write, begun, answered, returned)).toMatchObject({ unsynced: 1 });
    expect(await acknowledgements(write, begun, returned, answered)).toMatchObject({ unsynced: 0 });
  });

  test('is not covered by a sync that began before the write', async () => {
    const [begun, returned] = [`2 fsync(5<${LOG}> <unfinished ...>`, '2 <... fsync resumed>) = 0'];
    const found = await acknowledgements(begun, wrote(LOG, 'row-1'), returned, answered);
    expect(found).toMatchObject({ unsynced: 1 });
  });

  test('is covered by the later of two syncs that overlap, whichever returns first', async () => {
    const [first, second] = [2, 4].map((pid) => `${pid} fsync(5<${LOG}> <unfinished ...>`);
    const [returned, late] = [4, 2].map((pid) => `${pid} <... fsync resumed>) = 0`);
    const lines = [first, wrote(LOG, 'row-1'), second, returned, late, answered];
    expect(await acknowledgements(...lines.map(String))).toMatchObject({ unsynced: 0 });
  });

  test('whose rows were never written is told', async () => {
    const found = await acknowledgements(wrote(LOG, 'another row'), synced(LOG), answered);
    expect(found).toMatchObject({ synced: 1, unwritten: 1 });
    expect(found.violations).toEqual([expect.stringContaining('row-1')]);
  });

  test('while a new file or folder has no durable name is not synced', async () => {
    const key = '/root/api/tasks.db.key';
    expect(await acknowledgements(opened(key), wrote(LOG, 'row-1'), synced(LOG), answered)).toMatchObject({
      unsynced: 1,
      violations: [expect.stringContaining('the folder of api/tasks.db.key was not synced')],
    });
    const made = '1 mkdir("/root/api/more", 0700) = 0';
    expect(await acknowledgements(made, wrote(LOG, 'row-1'), synced(LOG), answered)).toMatchObject({
      unsynced: 1,
    });
  });
});

describe('the order of the files', () => {
  const misordered = async (...lines: string[]) => (await acknowledgements(...lines)).misordered;

  test('is kept by a checkpoint that syncs the log, then the database, then begins the log anew', async () => {
    const log = [wrote(LOG, 'row-1'), synced(LOG)];
    expect(await misordered(...log, wrote(DB, 'row-1', 0), synced(DB), wrote(LOG, '', 0))).toBe(0);
  });

  test('is broken by a database written before its log is synced', async () => {
    expect(await misordered(wrote(LOG, 'row-1'), wrote(DB, 'row-1'))).toBe(1);
  });

  test.each([
    ['begun anew', wrote(LOG, '', 0)],
    ['removed', `1 unlink("${LOG}") = 0`],
  ])('is broken by a log that is %s before the database is synced', async (_what, restart) => {
    expect(await misordered(wrote(DB, 'row-1'), restart)).toBe(1);
  });

  describe('of a copied event', () => {
    const copy = LOG.replace('tasks', 'events');
    const beside = (line: string) => line.replace('1 ', '2 ');
    const told = '1 write(8<anon_inode:[eventfd]>, "\\1\\0\\0\\0\\0\\0\\0\\0", 8) = 8';
    const copied = [opened(copy), beside(wrote(copy, 'event'))];

    test('is kept by a thread that tells of it after the sync', async () => {
      expect(await misordered(...copied, beside(synced(copy)), beside(told))).toBe(0);
    });

    test('is broken by one that tells of it before', async () => {
      expect(await misordered(...copied, beside(told))).toBe(1);
    });

    test('has nothing to do with what other threads do meanwhile', async () => {
      const others = [wrote(LOG, 'row-1'), synced(LOG), told, answered];
      expect(await acknowledgements(...copied, ...others)).toMatchObject({ misordered: 0, unsynced: 0 });
    });
  });
});

describe('a result', () => {
  const [DRAFT, FILE] = ['/root/runner/spool/.x.tmp', '/root/runner/spool/000000000001-lease-1.json'];
  const drafted = [opened(DRAFT), `1 write(5<${DRAFT}>, "{}", 2) = 2`];
  const renamed = `1 rename("${DRAFT}", "${FILE}") = 0`;
  const socket = '9<TCP:[127.0.0.1:7->127.0.0.1:80]>';
  const sent = [
    `1 write(${socket}, "POST /worker/result HTTP/1.1\\r\\n", 30) = 30`,
    `1 write(${socket}, "{\\"taskId\\":\\"task-1\\",\\"leaseId\\":\\"lease-1\\"}", 40) = 40`,
  ];
  const deliveries = (...lines: string[]) => readDeliveries(traceOf([...lines, ...sent]), '/root');

  test('that is on disk under its name is spooled', async () => {
    const lines = [...drafted, synced(DRAFT), renamed, synced('/root/runner/spool')];
    expect(await deliveries(...lines)).toEqual({ results: 1, spooled: 1, unsyncedSpool: 0, violations: [] });
  });

  test.each([
    ['is in no file', []],
    ['is not synced', [...drafted, renamed, synced('/root/runner/spool')]],
    ['has no durable name', [...drafted, synced(DRAFT), renamed]],
    [
      'had its folder synced before it got its name',
      [...drafted, synced(DRAFT), synced('/root/runner/spool'), renamed],
    ],
  ])('that %s is not', async (_what, lines) => {
    expect(await deliveries(...lines)).toMatchObject({ results: 1, spooled: 0, unsyncedSpool: 1 });
  });
});
