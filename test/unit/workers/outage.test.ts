import { describe, expect, test } from 'vitest';
import { Outage } from '../../../src/workers/outage.ts';
import { keptLog } from '../../support/log-lines.ts';

describe('an outage', () => {
  test('is told once for each reason, and once when it is over', () => {
    const { log, lines } = keptLog();
    const outage = new Outage(log, 'polling');
    for (const reason of ['refused', 'HTTP 502', 'refused', 'HTTP 502', 'refused']) outage.failed(reason);
    outage.worked();
    outage.worked();
    expect(lines).toMatchObject([
      { level: 'warn', reason: 'refused', msg: 'polling fails; trying again' },
      { level: 'warn', reason: 'HTTP 502' },
      { level: 'info', failures: 5, msg: 'polling works again' },
    ]);
    outage.failed('refused');
    expect(lines).toHaveLength(4);
  });

  test('says little even when its reason is another one each time', () => {
    const { log, lines } = keptLog();
    const outage = new Outage(log, 'polling');
    for (let port = 1; port <= 10_000; port += 1) outage.failed(`reset of port ${port}`);
    expect(lines).toHaveLength(5);
    expect(outage.count).toBe(10_000);
  });
});
