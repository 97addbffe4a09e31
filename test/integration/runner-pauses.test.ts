/** A runner whose AI CLI has met a limit: what it takes meanwhile, what it gives back, and when it goes on. */
import { beforeEach, expect, test } from 'vitest';
import type { AgentPayload, Payload } from '../../src/http/contract/payload.ts';
import type { ResultBody } from '../../src/http/contract/worker.ts';
import { type Executor, failure } from '../../src/workers/executor.ts';
import { eventually } from '../support/eventually.ts';
import { FakeTaskApi } from '../support/fake-task-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startRunner } from '../support/runner.ts';

const A_PROMPT: AgentPayload = {
  ...{ type: 'claude-cli', prompt: 'hello', timeout: 60_000, sessionId: 's' },
  ...{ callbackChannel: null, callbackBotToken: null, origin: 'o', dispatchMode: 'd', responseMode: 'r' },
  entrypoint: null,
};
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Longer than any real command takes while a second passes here at each look. */
const DAY = 1_440 * MINUTE;

let api: FakeTaskApi;
let clock: ManualClock;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  clock = new ManualClock();
  return () => api.stop();
});

/** Time goes on, a second at a time, until `look` finds what it looks for. */
function inTime<T>(what: string, look: () => T | undefined | false): Promise<T> {
  return eventually(what, () => {
    const found = look();
    if (found === undefined || found === false) clock.advance(SECOND);
    return found;
  });
}

function resultOf(payload: Payload): Promise<ResultBody> {
  const { id } = api.submit(payload);
  return inTime('a result', () => api.results.find(({ taskId }) => taskId === id));
}

const asksForClaude = () => api.polls.at(-1)?.get('types')?.split(',').includes('claude-cli') ?? false;

/** An AI CLI that meets a limit for `minutes` (null: it doesn't say) until it is `open`. */
function aClaude(minutes: number | null) {
  const claude = { isOpen: false, runs: 0 };
  const executor: Executor = async () => {
    claude.runs += 1;
    if (claude.isOpen) return { stdout: 'fine', stderr: '', exitCode: 0, error: null };
    const until = minutes === null ? null : clock.wall() + minutes * MINUTE;
    return { ...failure('claude: rate limit'), pause: { until, reason: 'rate limit' } };
  };
  return { claude, executors: { 'claude-cli': executor } };
}

test.each([
  ['the time that it tells', 90, 90],
  ['a minute has passed, where it tells none', null, 1],
])('a CLI at its limit holds up its own type alone, until %s', async (_, told, minutes) => {
  const { claude, executors } = aClaude(told);
  await startRunner(api, {}, { clock, executors });
  await inTime('a poll for it', asksForClaude);
  const { id } = api.submit(A_PROMPT);
  await eventually('its result', () => api.results.some(({ taskId }) => taskId === id));
  const overAt = clock.wall() + minutes * MINUTE;
  await eventually('a poll without it', () => !asksForClaude());
  expect(await resultOf({ type: 'command', command: 'echo on', timeout: DAY })).toMatchObject({
    stdout: 'on\n',
  });
  while (clock.wall() < overAt - SECOND) {
    clock.advance(Math.min(MINUTE, overAt - SECOND - clock.wall()));
    expect(asksForClaude()).toBe(false);
  }
  claude.isOpen = true;
  await inTime('a poll for it', asksForClaude);
  expect(clock.wall()).toBeGreaterThanOrEqual(overAt);
  expect(await resultOf(A_PROMPT)).toMatchObject({ stdout: 'fine' });
  expect(claude.runs).toBe(2);
});

test('what an earlier poll brings meanwhile is given back, and none of it fails', async () => {
  const { claude, executors } = aClaude(90);
  await startRunner(api, {}, { clock, executors });
  await inTime('a poll for it', asksForClaude);
  await resultOf(A_PROMPT);
  await eventually('a poll without it', () => !asksForClaude());
  const { leaseId } = api.submit(A_PROMPT);
  await inTime('its return', () => api.releases.length > 0);
  const reason = 'tasks of type claude-cli are paused here';
  expect(api.releases).toEqual([{ leaseId, reason }]);
  expect(api.results).toHaveLength(1);
  expect(claude.runs).toBe(1);
});
