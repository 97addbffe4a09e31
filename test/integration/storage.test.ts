/** Storage that fails: what is answered, what goes on, what comes back, with real processes on real small disks. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { scribble, smallDisk } from '../support/disk.ts';
import { eventually } from '../support/eventually.ts';
import { environmentIn } from '../support/processes.ts';
import { Api, refusal } from '../support/task-api-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const onDisk = (path: string) => environmentIn(tempFolder(), { OPENCLAW_RUNNER_HOME: path });
const HEARTBEAT = { runnerId: 'r', instanceId: 'i', leases: [], spooled: [], slots: 1, capabilities: {} };

describe('a full disk', () => {
  it('filled by others: refuses writes, serves reads, says so, and recovers with room', async (context) => {
    const disk = smallDisk(context, 24);
    const env = onDisk(disk.path);
    const api = await Api.start(env);
    const first = await api.submit(10);
    const [claimed] = (await api.get('/worker/poll?max=1&runnerId=r&instanceId=i')).body;
    disk.fill();
    const acknowledged = [...first, ...(await api.submitUntilRefused(50_000))];
    const refused = await api.post('/tasks', { command: 'true' });
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    await api.expectReads(String(first[0]));
    expect(await api.problems()).toContainEqual(
      expect.stringMatching(/^The task database can't be written: .*full/),
    );
    // A heartbeat writes nothing; a result waits in the runner's spool.
    const beat = { ...HEARTBEAT, leases: [claimed.leaseId] };
    expect((await api.post('/worker/heartbeat', beat)).body).toMatchObject({ lost: [] });
    const result = { taskId: claimed.id, leaseId: claimed.leaseId, exitCode: 0, stdout: 'x'.repeat(100_000) };
    expect((await api.post('/worker/result', result)).status).toBe(503);
    disk.free();
    await api.isReady();
    expect((await api.post('/worker/result', result)).status).toBe(200);
    await api.running.die();
    const again = await Api.start(env);
    await again.expectAll(acknowledged);
    expect((await again.get('/tasks/stats')).body.queue.total).toBe(acknowledged.length);
    expect((await again.get(`/tasks/${claimed.id}`)).body.exitCode).toBe(0);
  });

  it('a poll that waits is not lost over it', async (context) => {
    const disk = smallDisk(context, 24);
    const api = await Api.start(onDisk(disk.path));
    // A new poll of an instance replaces its parked one: when one is answered, the other waits.
    const polls = [0, 1].map(() =>
      api.get('/worker/poll?wait=60000&max=1&runnerId=r&instanceId=i&types=command'),
    );
    const { body: replaced, place } = await Promise.race(
      polls.map(async (poll, place) => ({ ...(await poll), place })),
    );
    expect(replaced).toEqual([]);
    disk.fill();
    await api.submitUntilRefused(50_000);
    disk.free();
    await api.isReady();
    const [taskId] = await api.submit(1);
    const answer = await polls[1 - place];
    expect(answer?.body).toEqual([expect.objectContaining({ id: taskId })]);
  });

  it('filled by the databases themselves: recovers without a restart when the disk grows', async (context) => {
    const disk = smallDisk(context, 12);
    const env = onDisk(disk.path);
    const api = await Api.start(env);
    const acknowledged = await api.submitUntilRefused(100_000);
    await api.expectReads(String(acknowledged[0]));
    disk.resize(24);
    await api.isReady();
    acknowledged.push(...(await api.submit(1)));
    await api.running.die();
    const again = await Api.start(env);
    await again.expectAll(acknowledged);
    expect((await again.get('/tasks/stats')).body.queue.total).toBe(acknowledged.length);
  });

  it('killed and started again while it is full: reads are served; with room all is there', async (context) => {
    const disk = smallDisk(context, 24);
    const env = onDisk(disk.path);
    const api = await Api.start(env);
    const first = await api.submit(5);
    disk.fill();
    const acknowledged = [...first, ...(await api.submitUntilRefused(50_000))];
    await api.running.die();
    disk.fill();
    const full = await Api.start(env);
    // From its first moment, before anybody has tried to store something.
    expect(await full.problems()).toContainEqual(
      expect.stringMatching(/^The task database can't be written/),
    );
    await full.expectAll(acknowledged);
    expect((await full.post('/tasks', { command: 'true' })).status).toBe(503);
    disk.free();
    await full.isReady();
    await full.running.die();
    await (await Api.start(env)).expectAll(acknowledged);
  });

  it('what a start puts back is put back when there is room', async (context) => {
    const disk = smallDisk(context, 24);
    const env = onDisk(disk.path);
    const api = await Api.start(env);
    await api.submit(1);
    const { id } = (await api.get('/worker/poll')).body;
    await api.running.die();
    disk.fill();
    const full = await Api.start(env);
    const status = async () => (await full.get(`/tasks/${id}/state`)).body.status;
    expect(await status()).toBe('running');
    disk.free();
    await eventually('its way back', async () => (await status()) === 'pending');
  });

  it('before the first start: one sentence; with room it starts', async (context) => {
    const disk = smallDisk(context, 24);
    const env = onDisk(disk.path);
    disk.fill();
    expect(await refusal(env)).toMatch(/tasks\.db.* can't be used: its disk is full\. Make room/);
    disk.free();
    expect(await (await Api.start(env)).submit(1)).toHaveLength(1);
  });

  it('under the events alone: tasks go on, and no event is lost or doubled', async (context) => {
    const disk = smallDisk(context, 4);
    const eventDb = join(disk.path, 'events.db');
    const api = await Api.start(environmentIn(tempFolder(), { WORKER_EVENT_DB: eventDb }));
    await api.submit(5);
    disk.fill();
    const named = async () =>
      (await api.problems()).some((problem) => /^The event database can't/.test(problem));
    for (let submitted = 0; !(await named()); submitted += 10) {
      expect(submitted).toBeLessThan(5_000);
      await api.submit(10);
    }
    const [taskId] = await api.submit(1);
    expect((await api.get(`/events?taskId=${taskId}`)).body.events).toHaveLength(1);
    disk.free();
    await api.isReady();
    const { total } = (await api.get('/tasks/stats')).body.queue;
    expect((await api.get('/events/stats')).body.stats.count).toBe(total);
    const { events } = (await api.get('/events?limit=500')).body;
    const seqs = events.map(({ seq }: { seq: number }) => seq);
    expect(seqs).toEqual(Array.from(seqs, (_, place) => total - place));
    await api.running.stop();
    expect(numberIn(eventDb, 'SELECT COUNT(*) FROM events')).toBe(total);
  });
});

describe('a disk that can only be read', () => {
  it('at the start: one sentence, nothing touched; writable again, all is there', async (context) => {
    const disk = smallDisk(context, 24);
    const env = onDisk(disk.path);
    const api = await Api.start(env);
    const acknowledged = await api.submit(5);
    await api.running.die();
    disk.allow('ro');
    expect(await refusal(env)).toMatch(/is on a read-only disk; mount it writable/);
    disk.allow('rw');
    await (await Api.start(env)).expectAll(acknowledged);
  });

  it('while it runs: refuses writes, serves reads, says so, and recovers', async (context) => {
    if (process.platform !== 'linux') context.skip('prlimit is of Linux');
    const api = await Api.start(environmentIn(tempFolder()));
    const acknowledged = await api.submit(5);
    const allow = (bytes: string) =>
      execFileSync('prlimit', ['--pid', String(api.running.child.pid), `--fsize=${bytes}:`]);
    // The kernel lets this process write to no file beyond its first byte.
    allow('1');
    expect((await api.post('/tasks', { command: 'true' })).status).toBe(503);
    await api.expectReads(String(acknowledged[0]));
    expect(await api.problems()).toContainEqual(expect.stringMatching(/^The task database can't be written/));
    allow('unlimited');
    await api.isReady();
    acknowledged.push(...(await api.submit(1)));
    await api.expectAll(acknowledged);
    expect(await api.running.stop()).toBe(0);
  });
});

describe('a damaged database', () => {
  /** A data folder with 300 tasks in it, each with its event, all in the files: nothing in a WAL. */
  async function stored(): Promise<{ env: Record<string, string>; taskDb: string; eventDb: string }> {
    const home = tempFolder();
    const env = environmentIn(home);
    const api = await Api.start(env);
    await api.submit(300);
    await api.post('/events/maintenance', {});
    await api.running.stop();
    const data = join(home, 'data');
    return { env, taskDb: join(data, 'tasks.db'), eventDb: join(data, 'events.db') };
  }

  const size = (path: string) => statSync(path).size;

  it.each([
    ['has garbage at its beginning', (path: string) => scribble(path, 0, 0.01, size(path))],
    ['has garbage in its middle', (path: string) => scribble(path, 0.3, 0.9, size(path))],
    ['was cut off', (path: string) => truncateSync(path, Math.floor(size(path) / 2))],
  ])('that %s is refused in one sentence, and left as it is', async (_, damage) => {
    const { env, taskDb, eventDb } = await stored();
    for (const path of [taskDb, eventDb]) {
      const sound = readFileSync(path);
      damage(path);
      const before = readFileSync(path);
      expect(await refusal(env)).toMatch(
        new RegExp(
          `: ${path} is damaged, or no database at all \\(.+\\); it was left untouched\\. Restore a backup`,
        ),
      );
      expect(readFileSync(path).equals(before)).toBe(true);
      writeFileSync(path, sound);
    }
    // Sound again: nothing was left behind that would keep it from starting.
    expect((await (await Api.start(env)).get('/tasks/stats')).body.queue.total).toBe(300);
  });

  it('with a WAL that was torn keeps every commit before the tear', async () => {
    const home = tempFolder();
    const api = await Api.start(environmentIn(home));
    const kept: string[] = [];
    for (let n = 0; n < 5; n++) kept.push(...(await api.submit(1)));
    await api.running.die();
    const wal = join(home, 'data', 'tasks.db-wal');
    truncateSync(wal, size(wal) - 1);
    const again = await Api.start(environmentIn(home));
    await again.expectAll(kept.slice(0, -1));
  });

  it('found while it runs: what touches it is 503, the rest goes on, and /ready says so', async () => {
    const { env, taskDb } = await stored();
    const before = new Database(taskDb, { readonly: true });
    const ids = before.prepare<[], string>('SELECT id FROM tasks ORDER BY seq').pluck().all();
    before.close();
    const api = await Api.start(env);
    expect((await api.get('/ready')).status).toBe(200);
    scribble(taskDb, 0.1, 1, size(taskDb));
    const answers = await Promise.all(ids.map((id) => api.get(`/tasks/${id}/state`)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, body } of refused) {
      expect([status, body.code]).toEqual([503, 'storage_unavailable']);
    }
    expect(await api.problems()).toContainEqual(
      expect.stringMatching(/^The task database is damaged .*restore/),
    );
    const others = ['/tasks?limit=500', '/tasks/stats', '/health', '/events?limit=500', '/sessions/stats'];
    const waiting = [`/tasks/${ids.at(-1)}?wait=1000`, '/worker/poll?wait=1000&runnerId=r&instanceId=i'];
    for (const path of [...others, ...waiting]) expect([200, 503]).toContain((await api.get(path)).status);
    expect(api.running.child.exitCode).toBeNull();
    expect(api.running.lines.filter(({ msg }) => msg === 'a request failed')).toEqual([]);
    expect(await api.running.stop()).toBe(0);
  });
});

it('with an event database of a newer version is refused before a task database is made', async () => {
  const home = tempFolder();
  const env = environmentIn(home);
  const api = await Api.start(env);
  await api.running.stop();
  const [taskDb, eventDb] = ['tasks.db', 'events.db'].map((name) => join(home, 'data', name)) as [
    string,
    string,
  ];
  const file = new Database(eventDb);
  file.pragma('user_version = 99');
  file.close();
  const elsewhere = join(tempFolder(), 'tasks.db');
  const told = await refusal({ ...env, WORKER_TASK_DB: elsewhere });
  expect(told).toContain(`${eventDb} was written by a newer version (schema 99, this one knows 1)`);
  expect(existsSync(elsewhere)).toBe(false);
  const before = [taskDb, eventDb].map((path) => readFileSync(path));
  expect(await refusal(env)).toContain('Update openclaw-runner');
  expect([taskDb, eventDb].map((path) => readFileSync(path))).toEqual(before);
  expect(readdirSync(join(home, 'data')).some((name) => name.endsWith('.restoring'))).toBe(false);
});

function numberIn(path: string, sql: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}
