/** Nothing is acknowledged before it is on disk: the short form of `npm run -s power-loss`, and that it can fail. */
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { BREAKS } from '../power-loss/breaks.ts';
import { powerLoss } from '../power-loss/power-loss.ts';
import { brokenProduct, PRODUCT } from '../support/sabotage.ts';
import { straceProblem } from '../support/strace.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROBLEM = straceProblem();

beforeEach(({ skip }) => {
  if (PROBLEM !== null && process.env.CI === 'true') throw new Error(PROBLEM);
  if (PROBLEM !== null) skip(PROBLEM);
});

test('every answer is synced before it is written, and every result before it is sent', async () => {
  const { figures, violations } = await powerLoss({ product: PRODUCT, operations: 60 });
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ unsynced: 0, unwritten: 0, misordered: 0, unsyncedSpool: 0 });
  expect(figures.operations).toBeGreaterThanOrEqual(60);
  expect(figures.synced).toBe(figures.answered);
  expect(figures.spooled).toBe(6);
});

test.each([
  ['synchronous=OFF', BREAKS.sync('off'), 'an answer was written while api/tasks.db-wal is not synced'],
  ['synchronous=NORMAL', BREAKS.sync('normal'), 'an answer was written while api/tasks.db-wal is not synced'],
  [
    'no sync of copied events',
    BREAKS.copy(),
    'events were told to be copied while events.db-wal was not synced',
  ],
  ['no sync of a spooled result', BREAKS.spool(), 'a result was sent too early'],
  ['no sync of its name', BREAKS.name(), 'a result was sent too early'],
])('with %s it turns red', async (_what, edits, complaint) => {
  const product = brokenProduct(join(tempFolder(), 'broken'), edits);
  const { violations } = await powerLoss({ product, operations: 20 });
  expect(violations.filter((violation) => violation.startsWith(complaint))).toHaveLength(1);
});
