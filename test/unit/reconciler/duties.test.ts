import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import type { TrimReport, Upkeep } from '../../../src/queue/index.ts';
import { DUTIES } from '../../../src/reconciler/duties/index.ts';
import { untilDone } from '../../../src/reconciler/duty.ts';
import { keptLog, silentLog } from '../../support/log-lines.ts';

/** Upkeep whose every step finds three rows, then two, then none; it remembers what was called. */
function someUpkeep(): { upkeep: Upkeep; calls: string[] } {
  const calls: string[] = [];
  const step = (name: keyof Upkeep) => () => {
    calls.push(name);
    return Promise.resolve([3, 2][calls.filter((call) => call === name).length - 1] ?? 0);
  };
  const trimEvents = async (): Promise<TrimReport> => {
    const changed = await step('trimEvents')();
    return { cutoff: 0, deletedExpired: changed && 1, deletedOverflow: changed && changed - 1, count: 7 };
  };
  const upkeep: Upkeep = {
    reclaimLost: step('reclaimLost'),
    loseRunners: step('loseRunners'),
    restoreReady: step('restoreReady'),
    expirePending: step('expirePending'),
    expireResults: step('expireResults'),
    expireSessions: step('expireSessions'),
    expireBindings: step('expireBindings'),
    expireCallbacks: step('expireCallbacks'),
    expireIdempotency: step('expireIdempotency'),
    newestEvent: () => 9,
    copyEvents: step('copyEvents'),
    trimEvents,
    pruneReady: step('pruneReady'),
    checkpoint: step('checkpoint'),
    reclaimSpace: step('reclaimSpace'),
  };
  return { upkeep, calls };
}

function duty(name: string) {
  return DUTIES.find((duty) => duty.name === name)!;
}

describe('the duties', () => {
  it('together take every step of the upkeep until it finds nothing more', async () => {
    const { upkeep, calls } = someUpkeep();
    for (const { run } of DUTIES) await run(upkeep, silentLog());
    const counts = Object.groupBy(calls, (name) => name);
    const { checkpoint, restoreReady, ...repeated } = counts;
    const steps = Object.keys(upkeep).filter((name) => name !== 'newestEvent');
    expect(Object.keys(counts).sort()).toEqual(steps.sort());
    expect(checkpoint).toHaveLength(1);
    expect(restoreReady).toHaveLength(20);
    for (const [name, times] of Object.entries(repeated)) expect(times, name).toHaveLength(3);
  });

  it('say how many rows they changed', async () => {
    for (const { name, run } of DUTIES) {
      expect(await run(someUpkeep().upkeep, silentLog()), name).toBe(name === 'checkpoint' ? 3 : 5);
    }
  });

  it('have names of their own, and schedules that come round within a minute', () => {
    expect(new Set(DUTIES.map(({ name }) => name)).size).toBe(DUTIES.length);
    for (const { name, cron } of DUTIES) {
      const [first, second] = new Cron(cron, { mode: '6-part', utcOffset: 0 }).nextRuns(2);
      expect(second!.getTime() - first!.getTime(), name).toBeLessThanOrEqual(60_000);
    }
  });
});

describe('restore-ready', () => {
  it('looks at further pages of the backlog when one is in order', async () => {
    const { log } = keptLog();
    const { upkeep } = someUpkeep();
    let page = 0;
    const restoreReady = async () => (++page === 7 ? 1 : 0);
    expect(await duty('restore-ready').run({ ...upkeep, restoreReady }, log)).toBe(1);
  });
});

describe('a step that is repeated', () => {
  it('lets others have their turn in between', async () => {
    let turns = 0;
    let left = 5;
    const count = () => {
      turns++;
      if (left > 0) setImmediate(count);
    };
    setImmediate(count);
    await untilDone(async () => left--);
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('stops after a hundred times, even if there is more to do', async () => {
    let steps = 0;
    const step = async () => {
      steps++;
      return 500;
    };
    expect(await untilDone(step)).toBe(50_000);
    expect(steps).toBe(100);
  });
});
