import { beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FakeTaskApi } from '../support/fake-task-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startRunner } from '../support/runner.ts';

let api: FakeTaskApi;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  return () => api.stop();
});

test('a runner that was out of touch names what it holds before it asks for work', async () => {
  const clock = new ManualClock();
  api.leaseMs = 3_600_000;
  await startRunner(api, {}, { clock });
  const running = api.command('sleep 1000');
  await api.until(() => api.heartbeats.some(({ leases }) => leases.includes(running.leaseId ?? '')));
  await api.until(() => api.seen.poll === 2);
  api.next('heartbeat', ...Array.from({ length: 100 }, () => 'reset' as const));
  const { heartbeat, poll } = api.seen;
  await eventually('a heartbeat that has failed, and the next one', () => {
    clock.advance(1_000);
    return api.seen.heartbeat > heartbeat + 1;
  });
  await api.resultOf(api.command('true'));
  expect(api.seen.poll).toBe(poll);
  api.forget('heartbeat');
  await eventually('the next poll', () => {
    clock.advance(500);
    return api.seen.poll > poll;
  });
});
