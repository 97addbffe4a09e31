import { expect, it } from 'vitest';
import { OMISSION } from '../../../src/commands/live.ts';
import type { OutputBody } from '../../../src/http/contract/output.ts';
import { LiveOutput } from '../../../src/workers/live-output.ts';
import { ManualClock } from '../../support/manual-clock.ts';

it('what a runner says where it has left something out is known, and no output is taken for it', async () => {
  const clock = new ManualClock();
  const sent: OutputBody[] = [];
  const output = async (body: OutputBody) => {
    sent.push(body);
    return { kind: 'ok', body: { success: true } } as const;
  };
  const live = new LiveOutput({ leaseId: 'l', clock, api: { output } });
  live.print('stdout', 'x'.repeat(300_000));
  await live.end();
  expect(sent.map(({ chunk }) => OMISSION.test(chunk))).toEqual([true, ...sent.slice(1).map(() => false)]);
  expect(sent.length).toBeGreaterThan(4);
});
