import { beforeEach, describe, expect, test } from 'vitest';
import type { PolledTask } from '../../../src/http/contract/payload.ts';
import type { Attempt } from '../../../src/workers/attempt.ts';
import { Attempts } from '../../../src/workers/attempts.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const LEASE_MS = 60_000;

let clock: ManualClock;
let attempts: Attempts;

beforeEach(() => {
  clock = new ManualClock();
  attempts = new Attempts(clock);
});

const envelope = { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null } as const;
const lease = { leaseId: 'lease', attempt: 1, leaseMs: LEASE_MS };

function command(change: Partial<PolledTask> = {}): PolledTask {
  return { ...envelope, ...lease, type: 'command', command: 'x', timeout: 1, ...change } as PolledTask;
}

const prompt = () => command({ type: 'claude-cli' });

/** A poll that is answered at once brought it. */
const begin = (task = command()) => attempts.begin(task, clock.steady());

const answered = (reply: { lost?: string[]; cancelled?: string[] } = {}, sentAt = clock.steady()) =>
  attempts.answered(attempts.leases, sentAt, { lost: [], cancelled: [], ...reply });

const stopOf = (attempt: Attempt) => attempt.signal.reason?.cause;

describe('an attempt', () => {
  test('is killed when its lease could be given away, and given back later', () => {
    const attempt = begin();
    clock.advance(LEASE_MS - 1);
    expect(attempt.signal.aborted).toBe(false);
    clock.advance(1);
    expect(stopOf(attempt)).toBe('lease lost');
    expect(attempts.givenUp).toEqual([]);
    attempts.end(attempt);
    expect(attempts.givenUp).toEqual([{ leaseId: 'lease', reason: 'out of touch' }]);
    expect(attempts.leases).toEqual(['lease']);
    attempts.released('lease');
    expect(attempts.leases).toEqual([]);
  });

  test('lives on as long as heartbeats are answered, counted from their sending', () => {
    const attempt = begin();
    const sentAt = clock.steady() + 10_000;
    clock.advance(50_000);
    answered({}, sentAt);
    clock.advance(19_999);
    expect(attempt.signal.aborted).toBe(false);
    clock.advance(1);
    expect(stopOf(attempt)).toBe('lease lost');
  });

  test('of an AI CLI outlives any silence: its task can only come back here', () => {
    const attempt = begin(prompt());
    clock.advance(100 * LEASE_MS);
    expect(attempt.signal.aborted).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('whose lease is lost is killed, and not given back', () => {
    const attempt = begin(prompt());
    answered({ lost: ['lease'] });
    expect(stopOf(attempt)).toBe('lease lost');
    expect(attempt.isLost).toBe(true);
    attempts.end(attempt);
    expect(attempts.leases).toEqual([]);
  });

  test('that is given up is named until the Task API has it back', () => {
    attempts.giveUp(begin(), 'no shell');
    expect(attempts.givenUp).toEqual([{ leaseId: 'lease', reason: 'no shell' }]);
    expect([attempts.leases, clock.pending]).toEqual([['lease'], 0]);
    attempts.released('lease');
    expect(attempts.leases).toEqual([]);
  });

  test('that is cancelled is stopped, and its outcome reported', () => {
    const attempt = begin();
    answered({ cancelled: ['lease'] });
    expect(stopOf(attempt)).toBe('cancelled');
    expect(attempt.isLost).toBe(false);
  });

  test('that was not named in a heartbeat is not touched by its answer', () => {
    const attempt = begin();
    attempts.answered([], clock.steady(), { lost: ['lease'], cancelled: ['lease'] });
    expect(attempt.signal.aborted).toBe(false);
  });

  test('leaves no timer when it ends', () => {
    const attempt = begin();
    attempts.end(attempt);
    expect(clock.pending).toBe(0);
    expect(attempts.leases).toEqual([]);
  });

  test('of an older Task API has no lease to lose', async () => {
    const { leaseId: _, ...older } = command();
    const attempt = begin(older as PolledTask);
    clock.advance(100 * LEASE_MS);
    expect(attempt.signal.aborted).toBe(false);
    expect(await attempt.confirmed).toBe(true);
    expect(attempts.leases).toEqual([]);
  });
});

describe('a claim that took longer to arrive than its lease lasts', () => {
  const beginLate = () => attempts.begin(command(), clock.steady() - LEASE_MS);

  test('does not start before a heartbeat says that it is still ours', async () => {
    const attempt = beginLate();
    expect(await Promise.race([attempt.confirmed, Promise.resolve('waits')])).toBe('waits');
    answered();
    expect(await attempt.confirmed).toBe(true);
    clock.advance(LEASE_MS);
    expect(stopOf(attempt)).toBe('lease lost');
  });

  test('does not start when it is lost', async () => {
    const attempt = beginLate();
    answered({ lost: ['lease'] });
    expect(await attempt.confirmed).toBe(false);
  });

  test('does not start when the runner stops', async () => {
    const attempt = beginLate();
    attempts.stopAll('runner stopped');
    expect(await attempt.confirmed).toBe(false);
    expect(attempt.isLost).toBe(false);
  });
});
