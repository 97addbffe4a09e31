/** Backups of a Task API that goes on, and what a restore makes of them: real processes, real files. */
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { scribble, smallDisk } from '../support/disk.ts';
import { environmentIn } from '../support/processes.ts';
import { Api, refusal } from '../support/task-api-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { ours, outcomeOf } from '../support/terminal.ts';

interface Place {
  env: Record<string, string>;
  /** The data folder. */
  data: string;
  /** Of the tasks. */
  db: string;
}

function place(): Place {
  const home = tempFolder();
  const data = join(home, 'data');
  return { env: environmentIn(home), data, db: join(data, 'tasks.db') };
}

/** What a subcommand prints when it succeeds. */
async function done(env: Record<string, string>, ...command: string[]): Promise<string> {
  const { code, out, err } = await outcomeOf(ours(...command), { env });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

/** A backup of `count` tasks; the place that it is of is stopped. */
async function aBackup(count: number): Promise<Place & { file: string; ids: string[] }> {
  const from = place();
  const api = await Api.start(from.env);
  const ids = await api.submit(count);
  await api.running.stop();
  const file = join(tempFolder(), 'backup.db');
  await done(from.env, 'backup', file);
  return { ...from, file, ids };
}

function read<T>(path: string, look: (db: Database.Database) => T): T {
  const db = new Database(path, { readonly: true });
  try {
    return look(db);
  } finally {
    db.close();
  }
}

const tasksIn = (path: string) => read(path, (db) => db.prepare('SELECT COUNT(*) FROM tasks').pluck().get());
const seqsOf = (events: { seq: number }[]) => events.map(({ seq }) => seq);
const bytesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')]));

describe('backup', () => {
  it('under load, with a kill -9 in its middle, holds all that was acknowledged before it began', async () => {
    const from = place();
    const api = await Api.start(from.env);
    const file = join(tempFolder(), 'backup.db');
    const prompt = { prompt: 'hello', callbackChannel: 'c', callbackBotToken: 'a-bot-token' };
    const acknowledged: string[] = [(await api.post('/claude', prompt)).body.taskId];
    const load = new AbortController();
    const client = async () => {
      while (!load.signal.aborted) acknowledged.push(...(await api.submit(1)));
    };
    const clients = [1, 2, 3, 4].map(() => client().catch(() => {}));
    while (acknowledged.length < 200) await nextTurn();
    const backups: [file: string, promised: string[]][] = [[file, [...acknowledged]]];
    expect(await done(from.env, 'backup', file)).toContain(`openclaw-runner restore ${file}`);
    backups.push([`${file}2`, [...acknowledged]]);
    const second = done(from.env, 'backup', `${file}2`);
    await api.running.die();
    load.abort();
    await Promise.all([second, ...clients]);

    for (const [backup, promised] of backups) {
      const to = place();
      await done(to.env, 'restore', backup);
      expect(read(to.db, (db) => db.pragma('integrity_check', { simple: true }))).toBe('ok');
      const restored = await Api.start(to.env);
      await restored.expectAll(promised);
      for (const taskId of [promised[0], promised.at(-1)]) {
        const { events } = (await restored.get(`/events?taskId=${taskId}`)).body;
        expect(events).toEqual([expect.objectContaining({ type: 'task.created' })]);
      }
      expect(await restored.submit(1)).toHaveLength(1);
      await restored.running.stop();
    }
  });

  it('has what seals the bot tokens with it, and is for its owner alone', async () => {
    const { file, db } = await aBackup(1);
    for (const part of ['', '.events', '.key']) expect(statSync(file + part).mode & 0o777).toBe(0o600);
    const to = place();
    await done(to.env, 'restore', file);
    expect(readFileSync(`${to.db}.key`)).toEqual(readFileSync(`${db}.key`));
    expect(statSync(to.db).mode & 0o777).toBe(0o600);
  });

  it('has every event once, wherever it is on its way from the one file to the other', async () => {
    const from = place();
    const api = await Api.start(from.env);
    for (const name of ['one', 'two']) {
      await api.submit(50);
      const file = join(tempFolder(), name);
      await done(from.env, 'backup', file);
      const to = place();
      await done(to.env, 'restore', file);
      const restored = await Api.start(to.env);
      const { total } = (await restored.get('/tasks/stats')).body.queue;
      const { events } = (await restored.get('/events?limit=500')).body;
      expect(seqsOf(events)).toEqual(Array.from({ length: total }, (_, place) => total - place));
      await restored.running.stop();
    }
  });

  it('of a Task API that does not run is three files, each whole by itself', async () => {
    const { file, ids } = await aBackup(3);
    expect(readdirSync(dirname(file)).sort()).toEqual(['backup.db', 'backup.db.events', 'backup.db.key']);
    expect(tasksIn(file)).toBe(ids.length);
    expect(read(file, (db) => db.pragma('journal_mode', { simple: true }))).toBe('delete');
  });

  it('replaces a backup only when it is told to', async () => {
    const { env, file } = await aBackup(1);
    expect(await refusal(env, 'backup', file)).toContain(`${file} exists; name another file, or replace it`);
    await done(env, 'backup', '--force', file);
  });

  it('refuses a place that can not be written, and what is no database', async () => {
    const { env, db } = await aBackup(300);
    const folder = tempFolder();
    expect(await refusal(env, 'backup', join(folder, 'none', 'b'))).toContain('none does not exist');
    expect(await refusal(env, 'backup', folder)).toContain('is a folder');
    expect(await refusal(env, 'backup', db)).toContain('is what is to be backed up');
    expect(await refusal(place().env, 'backup', join(folder, 'b'))).toMatch(/There is no database at .*\.db/);
    scribble(db, 0.6, 0.95, statSync(db).size);
    expect(await refusal(env, 'backup', join(folder, 'b'))).toMatch(
      /db is damaged.* No backup was made of it/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('to a full disk says so, leaves no half of a file, and the older backup as it was', async (context) => {
    const disk = smallDisk(context, 1);
    const from = place();
    const api = await Api.start(from.env);
    const file = join(disk.path, 'backup.db');
    await api.submit(1);
    await done(from.env, 'backup', file);
    const before = bytesOf(disk.path);
    await api.post('/files/write', { path: '/x', content: 'x'.repeat(2_000_000) });
    expect(await refusal(from.env, 'backup', file, '--force')).toMatch(
      /backup\.db can't be written, and nothing of it was kept: its disk is full/,
    );
    expect(bytesOf(disk.path)).toEqual(before);
    expect((await api.get('/ready')).status).toBe(200);
  });
});

describe('restore', () => {
  it('replaces what is there, WAL and all, and keeps it', async () => {
    const { file, ids } = await aBackup(5);
    const to = place();
    const api = await Api.start(to.env);
    const former = await api.submit(20);
    await api.running.die();
    expect(existsSync(`${to.db}-wal`)).toBe(true);
    const told = await done(to.env, 'restore', file);
    const [, kept = ''] = /kept what was there as (.*tasks\.db\.before-restore-[^ \n]*Z)\n/.exec(told) ?? [];
    const restored = await Api.start(to.env);
    await restored.expectAll(ids);
    expect((await restored.get('/tasks/stats')).body.queue.total).toBe(ids.length);
    // A runner's result for a task that the backup does not know is settled by this answer.
    const unknown = { taskId: former[0], leaseId: 'lost', exitCode: 0 };
    expect(await restored.post('/worker/result', unknown)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(tasksIn(kept)).toBe(former.length);
  });

  it('mends a damaged database', async () => {
    const { env, db, file, ids } = await aBackup(300);
    scribble(db, 0.3, 0.9, statSync(db).size);
    expect(await refusal(env)).toContain('openclaw-runner restore FILE');
    await done(env, 'restore', file);
    await (await Api.start(env)).expectAll(ids);
  });

  it('is refused while the Task API runs', async () => {
    const { env, file } = await aBackup(1);
    const api = await Api.start(env);
    expect(await refusal(env, 'restore', file)).toMatch(/Another Task API already uses .*; stop it/);
    expect(await api.submit(1)).toHaveLength(1);
  });

  it('refuses what is no whole backup, and touches nothing', async () => {
    const { env, data, db, file } = await aBackup(300);
    const before = bytesOf(data);
    const folder = tempFolder();
    const variant = (name: string, change: (path: string) => void) => {
      for (const part of ['', '.events', '.key']) copyFileSync(file + part, join(folder, name + part));
      change(join(folder, name));
      return join(folder, name);
    };
    const newer = (path: string) => {
      const copy = new Database(path);
      copy.pragma('user_version = 99');
      copy.close();
    };
    const cases: [string, RegExp][] = [
      [join(folder, 'none'), /There is no backup at .*none\./],
      [variant('half', (path) => rmSync(`${path}.events`)), /not whole: .*half\.events is missing/],
      [
        variant('torn', (path) => scribble(path, 0.6, 0.95, statSync(path).size)),
        /torn is damaged.* Nothing was/,
      ],
      [variant('text', (path) => writeFileSync(path, 'text'.repeat(500))), /text is damaged, or no database/],
      [variant('newer', newer), /newer was written by a newer version/],
      [
        variant('swapped', (path) => copyFileSync(`${path}.events`, path)),
        /Name a file that "openclaw-runner backup"/,
      ],
      [db, /not whole: .*tasks\.db\.events is missing/],
    ];
    for (const [path, sentence] of cases) expect(await refusal(env, 'restore', path)).toMatch(sentence);
    expect(bytesOf(data)).toEqual(before);
  });

  it('that was interrupted keeps the Task API from starting, until it is done again', async () => {
    const { env, db, file, ids } = await aBackup(1);
    writeFileSync(`${db}.restoring`, 'half of it');
    expect(await refusal(env)).toContain('was interrupted; run it again, with the same backup');
    await done(env, 'restore', file);
    await (await Api.start(env)).expectAll(ids);
  });

  it('onto a full disk says so, and changes nothing', async (context) => {
    const { file } = await aBackup(300);
    const disk = smallDisk(context, 8);
    const env = environmentIn(tempFolder(), { OPENCLAW_RUNNER_HOME: disk.path });
    const api = await Api.start(env);
    const ids = await api.submit(3);
    await api.running.stop();
    disk.fill();
    const before = bytesOf(disk.path);
    expect(await refusal(env, 'restore', file)).toMatch(
      /can't be restored, and nothing was changed: its disk/,
    );
    expect(bytesOf(disk.path)).toEqual(before);
    disk.free();
    await (await Api.start(env)).expectAll(ids);
  });
});
