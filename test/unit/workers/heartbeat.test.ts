import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { PolledTask } from '../../../src/http/contract/payload.ts';
import type { RecentByCli } from '../../../src/http/contract/recent.ts';
import type { HeartbeatBody, ResultBody } from '../../../src/http/contract/worker.ts';
import { createApiClient } from '../../../src/workers/api-client.ts';
import { Attempts } from '../../../src/workers/attempts.ts';
import { Heartbeat } from '../../../src/workers/heartbeat.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeTaskApi, type Fate, TOKEN } from '../../support/fake-task-api.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aResult, openSpool } from '../../support/spool.ts';

const LEASE_MS = 60_000;

/** Remembers the rests between heartbeats; other timers are of requests and leases. */
class BeatClock extends ManualClock {
  readonly rests: number[] = [];

  override after(ms: number, fn: () => void): () => void {
    if (ms !== 10_000 && ms <= 15_000) this.rests.push(ms);
    return super.after(ms, fn);
  }
}

let api: FakeTaskApi;
let clock: BeatClock;

beforeEach(() => {
  clock = new BeatClock();
});

async function startBeating(contract: 'newer' | 'older' = 'newer', owed?: ResultBody, ...fates: Fate[]) {
  api = await FakeTaskApi.start(contract);
  api.next('heartbeat', ...fates);
  const { spool, log, lines } = await openSpool();
  if (owed !== undefined) await spool.add(owed);
  const attempts = new Attempts(clock);
  let superseded = 0;
  const said: Pick<HeartbeatBody, 'problem' | 'paused'> = {};
  const looks = { count: 0, recent: async (): Promise<RecentByCli> => ({ claude: [] }) };
  const heartbeat = new Heartbeat({
    api: createApiClient({ url: api.url, token: TOKEN, clock }),
    attempts,
    spool,
    clock,
    log,
    runnerId: 'runner-1',
    instanceId: 'instance-1',
    slots: 5,
    condition: () => ({ capabilities: { types: ['command'] }, ...said }),
    recent: () => {
      looks.count += 1;
      return looks.recent();
    },
    onSuperseded: () => {
      superseded += 1;
    },
  });
  heartbeat.start();
  onTestFinished(async () => {
    await heartbeat.stop();
    await api.stop();
  });
  await rest(1);
  return { heartbeat, attempts, spool, lines, said, looks, superseded: () => superseded };
}

/** The heartbeat with this number has been answered, or has failed. */
const rest = (count: number) => eventually(`rest ${count}`, () => clock.rests.length >= count);

/** It rests until its time comes, for the so manieth time. */
const idle = (count: number) =>
  eventually(`idle rest ${count}`, () => clock.rests.filter((ms) => ms === 15_000).length >= count);

function aTask(change: Partial<PolledTask> = {}): PolledTask {
  const envelope = { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null } as const;
  const lease = { leaseId: 'lease-a', attempt: 1, leaseMs: LEASE_MS };
  return { ...envelope, ...lease, type: 'command', command: 'x', timeout: 1, ...change } as PolledTask;
}

describe('the heartbeat', () => {
  test('says who the runner is, what it runs and what it still has to report', async () => {
    const { heartbeat, attempts, spool } = await startBeating();
    attempts.begin(aTask(), clock.steady());
    await spool.add(aResult({ leaseId: 'lease-b' }));
    heartbeat.now();
    await rest(2);
    expect(api.heartbeats[1]).toEqual({
      runnerId: 'runner-1',
      instanceId: 'instance-1',
      leases: ['lease-a'],
      spooled: ['lease-b'],
      slots: 5,
      capabilities: { types: ['command'] },
    });
  });

  test('says what the runner can and what it can not, as it is by then', async () => {
    const { heartbeat, said } = await startBeating();
    const paused = [{ type: 'claude-cli', until: 5, reason: 'rate limit' } as const];
    for (const news of [{ problem: 'no shell' }, { problem: undefined, paused }]) {
      Object.assign(said, news);
      heartbeat.soon();
      await rest(api.heartbeats.length + 1);
    }
    const problems = api.heartbeats.map(({ problem, paused }) => [problem, paused]);
    expect(problems).toEqual([
      [undefined, undefined],
      ['no shell', undefined],
      [undefined, paused],
    ]);
  });

  test('tells of the sessions of AI CLIs when they are wanted, at once and once', async () => {
    const { heartbeat, looks } = await startBeating();
    api.wants = ['recent'];
    heartbeat.soon();
    await idle(2);
    api.wants = [];
    expect(api.heartbeats.map(({ recent }) => recent)).toEqual([undefined, undefined, { claude: [] }]);
    clock.advance(15_000);
    await idle(3);
    clock.advance(15_000);
    await idle(4);
    expect(api.heartbeats.slice(3).map(({ recent }) => recent)).toEqual([{ claude: [] }, undefined]);
    expect(looks.count).toBe(2);
  });

  test('is held up by a folder that hangs for a second at most', async () => {
    const { heartbeat, looks } = await startBeating();
    looks.recent = () => new Promise(() => {});
    api.wants = ['recent'];
    heartbeat.soon();
    await eventually('a look', () => looks.count === 1);
    clock.advance(1_000);
    await eventually('the heartbeat', () => api.heartbeats.length === 3);
    expect(api.heartbeats[2]).not.toHaveProperty('recent');
  });

  test.each([
    ['every 15 s while idle', [], 15_000],
    ['every 5 s while a lease is held', [60_000], 5_000],
    ['every third of the shortest lease', [60_000, 6_000], 2_000],
  ])('comes %s', async (_, leases, restMs) => {
    const { heartbeat, attempts } = await startBeating();
    for (const leaseMs of leases) {
      const task = aTask({ type: 'claude-cli', leaseId: `lease-${leaseMs}`, leaseMs } as Partial<PolledTask>);
      attempts.begin(task, clock.steady());
    }
    heartbeat.now();
    await rest(2);
    expect(clock.rests[1]).toBe(restMs);
    clock.advance(restMs);
    await rest(3);
    expect(api.heartbeats).toHaveLength(3);
  });

  test('comes every 5 s while a result is not settled', async () => {
    const { heartbeat, spool } = await startBeating();
    await spool.add(aResult());
    heartbeat.now();
    await rest(2);
    expect(clock.rests[1]).toBe(5_000);
  });

  test('stops what is cancelled and kills what is lost', async () => {
    const { heartbeat, attempts } = await startBeating();
    const a = attempts.begin(aTask({ leaseId: 'a' }), clock.steady());
    const b = attempts.begin(aTask({ leaseId: 'b' }), clock.steady());
    api.cancelled.add('a');
    api.lost.add('b');
    heartbeat.now();
    await rest(2);
    expect([a, b].map((attempt) => attempt.signal.reason?.cause)).toEqual(['cancelled', 'lease lost']);
  });

  test('goes on through an outage at its own pace and tells of it once', async () => {
    const { heartbeat, attempts, lines } = await startBeating();
    attempts.begin(aTask({ type: 'claude-cli' } as Partial<PolledTask>), clock.steady());
    api.always = { status: 503, headers: { 'Retry-After': '3600' } };
    heartbeat.now();
    for (let count = 2; count <= 5; count += 1) {
      await rest(count);
      clock.advance(5_000);
    }
    api.always = null;
    await rest(6);
    clock.advance(5_000);
    await api.until(() => api.heartbeats.length >= 2);
    await rest(7);
    expect(clock.rests.slice(1)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000, 5_000]);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('is out of touch while what is held goes unnamed', async () => {
    const { heartbeat, attempts } = await startBeating();
    api.next('heartbeat', 'reset', 'reset');
    heartbeat.now();
    await rest(2);
    expect(heartbeat.isOutOfTouch).toBe(false);
    attempts.begin(aTask(), clock.steady());
    heartbeat.now();
    await rest(3);
    expect(heartbeat.isOutOfTouch).toBe(true);
    heartbeat.now();
    await rest(4);
    expect(heartbeat.isOutOfTouch).toBe(false);
  });

  test('is out of touch at a start that finds results, until it has named them', async () => {
    const { heartbeat, lines } = await startBeating('newer', aResult(), 'reset');
    expect(heartbeat.isOutOfTouch).toBe(true);
    heartbeat.now();
    await rest(2);
    expect(api.heartbeats).toMatchObject([{ spooled: ['lease-1'] }]);
    expect(heartbeat.isOutOfTouch).toBe(false);
    expect(lines).toHaveLength(2);
  });

  test('gives back what was killed out of touch, as soon as the Task API answers', async () => {
    const { heartbeat, attempts } = await startBeating();
    const attempt = attempts.begin(aTask(), clock.steady());
    api.always = 'reset';
    heartbeat.now();
    await rest(2);
    clock.advance(LEASE_MS);
    attempts.end(attempt);
    api.always = null;
    heartbeat.now();
    await eventually('the release', () => attempts.givenUp.length === 0);
    expect(api.heartbeats.at(-1)?.leases).toEqual(['lease-a']);
    expect(api.releases).toEqual([{ leaseId: 'lease-a', reason: 'out of touch' }]);
  });

  test('tells when a newer instance has taken over', async () => {
    const { heartbeat, superseded } = await startBeating();
    api.next('heartbeat', { status: 409, body: { error: 'taken over', code: 'superseded' } });
    heartbeat.now();
    await rest(2);
    expect(superseded()).toBe(1);
  });
});

describe('with an older Task API', () => {
  test('there are no heartbeats, and that is said once', async () => {
    const { heartbeat, lines } = await startBeating('older');
    clock.advance(15_000);
    await rest(2);
    heartbeat.soon();
    await rest(3);
    expect(api.seen.heartbeat).toBe(1);
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('older') }]);
    heartbeat.now();
    await rest(4);
    expect(api.seen.heartbeat).toBe(2);
  });

  test('a page with status 404 does not pass for one that has answered, or is owed a result', async () => {
    const answered = await startBeating();
    api.next('heartbeat', { status: 404, body: '<html>traefik</html>' });
    answered.heartbeat.now();
    await rest(2);
    expect(answered.lines).toMatchObject([{ reason: 'HTTP 404' }]);
    await answered.heartbeat.stop();
    clock = new BeatClock();
    const { lines } = await startBeating('older', aResult());
    expect(lines).toMatchObject([{ reason: 'HTTP 404' }]);
  });

  test('a page with status 404 does not pass for one while a lease is held', async () => {
    const { heartbeat, attempts, lines } = await startBeating();
    attempts.begin(aTask(), clock.steady());
    api.next('heartbeat', { status: 404, body: '<html>nginx</html>' });
    heartbeat.now();
    await rest(2);
    clock.advance(5_000);
    await rest(3);
    expect(api.seen.heartbeat).toBe(3);
    expect(lines[0]).toMatchObject({ reason: 'HTTP 404' });
  });
});
