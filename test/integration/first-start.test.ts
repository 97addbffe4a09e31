/** kill -9 at each write of a start that makes its database, or puts it into use after a restore, on real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import { holdFile } from '../../src/queue/sqlite/database.ts';
import { TASK_FILE } from '../../src/queue/sqlite/inspect.ts';
import { straceProblem } from '../support/strace.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROBLEM = straceProblem();

beforeEach(({ skip }) => {
  if (PROBLEM !== null && process.env.CI === 'true') throw new Error(PROBLEM);
  if (PROBLEM !== null) skip(PROBLEM);
});

const source = (name: string) => new URL(`../../src/queue/sqlite/${name}`, import.meta.url).href;
const OPEN = `
  import { holdFile } from '${source('database.ts')}';
  import { TASK_FILE } from '${source('inspect.ts')}';
  holdFile(process.argv[1], TASK_FILE).open();`;

/** Opens the database in a process that the `nth` call of this name ends; false when it made fewer of them. */
async function isKilledAt(call: string, nth: number, path: string): Promise<boolean> {
  const trace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`];
  const kill = ['-e', `inject=${call}:signal=SIGKILL:when=${nth}`];
  const open = [process.execPath, '--input-type=module', '-e', OPEN, path];
  const child = spawn('strace', [...trace, ...kill, ...open], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  expect([code ?? signal]).toEqual([code === 0 ? 0 : 'SIGKILL']);
  return code !== 0;
}

function open(path: string): Database.Database {
  const { db, close } = holdFile(path, TASK_FILE).open();
  close();
  return db;
}

const BEGINNINGS: [name: string, make: (path: string) => void][] = [
  ['makes its database', () => {}],
  [
    'finds a restored one',
    (path) => {
      open(path);
      const file = new Database(path);
      file.pragma('journal_mode = DELETE');
      file.close();
    },
  ],
];

test.each(BEGINNINGS)(
  'a start that %s is killed at each of its writes, and the next one takes it',
  async (_name, make) => {
    let kills = 0;
    for (const call of ['pwrite64', 'fsync', 'unlink'])
      for (let nth = 1; ; nth += 1) {
        const path = join(tempFolder(), 'tasks.db');
        make(path);
        if (!(await isKilledAt(call, nth, path))) break;
        const hasWal = existsSync(`${path}-wal`);
        kills += 1;
        open(path);
        // From there on it is SQLite that recovers.
        if (hasWal) break;
      }
    expect(kills).toBeGreaterThan(3);
  },
);
