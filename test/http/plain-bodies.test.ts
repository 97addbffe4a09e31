import { expect, test } from 'vitest';
import type { z } from 'zod';
import { commandBody, plainCommand } from '../../src/http/contract/tasks.ts';
import { plainReport, resultBody } from '../../src/http/contract/worker.ts';

const MISSING = Symbol('missing');

/** What a field may have; the first is usual. */
type Fields = Record<string, unknown[]>;

const LONG = 'x'.repeat(200);
const ODD = [null, '', '  ', ' a ', 0, -1, 1.5, true, [], {}, LONG, `${LONG}x`, 'ä€😀', '\ud800'];

const COMMAND: Fields = {
  command: ['echo hello', ...ODD, MISSING],
  timeout: [MISSING, 30_000, 1_000, 999, 86_400_000, 86_400_001, 1e300, '5000', 2.5e3, 1_000.5, ...ODD],
  sessionKey: [MISSING, 'a', ...ODD],
  other: [MISSING, 1],
  cwd: [MISSING, '/tmp'],
  priority: [MISSING, 1],
  callbackChannel: [MISSING, '42'],
};

const RESULT: Fields = {
  taskId: ['task', ...ODD, MISSING],
  leaseId: ['lease', ...ODD, MISSING],
  stdout: ['', 'out', ...ODD, MISSING],
  stderr: ['', 'err', ...ODD, MISSING],
  exitCode: [0, 1, 2 ** 53 - 1, 2 ** 53, ...ODD, MISSING],
  error: [null, 'no', ...ODD, { code: 1 }, MISSING],
  metadata: [MISSING, { sessionId: 'a' }, ...ODD],
  duration: [MISSING, 12, 'long'],
};

/** Each field with each of its values, beside the usual ones; and each pair of two fields. */
function* bodiesOf(fields: Fields): Generator<Record<string, unknown>> {
  const usual = Object.keys(fields).map((name) => [name, 0] as const);
  const bodyOf = (chosen: Record<string, number>) =>
    Object.fromEntries(
      Object.entries(chosen)
        .map(([name, index]) => [name, fields[name]?.[index]] as const)
        .filter(([, value]) => value !== MISSING),
    );
  for (const [one, ofOne] of Object.entries(fields))
    for (const [other, ofOther] of Object.entries(fields))
      for (const first of ofOne.keys())
        for (const second of ofOther.keys())
          yield bodyOf({ ...Object.fromEntries(usual), [one]: first, [other]: second });
}

function compare(fields: Fields, plain: (body: unknown) => unknown, schema: z.ZodType): number {
  let read = 0;
  for (const body of bodiesOf(fields)) {
    const own = plain(body);
    if (own === null) continue;
    read++;
    const { success, data } = schema.safeParse(body);
    expect({ body, success, own }).toEqual({ body, success: true, own: data });
  }
  return read;
}

test('a usual command is read as the schema reads it, or left to the schema', () => {
  expect(plainCommand({ command: ' ls ', timeout: 5_000, sessionKey: 'k' })).not.toBeNull();
  expect(compare(COMMAND, plainCommand, commandBody.transform(plainPartOf))).toBeGreaterThan(100);
});

test('a usual result is read as the schema reads it, or left to the schema', () => {
  expect(plainReport({ taskId: 'a', leaseId: 'b', stdout: '', stderr: '', exitCode: 0 })).not.toBeNull();
  expect(compare(RESULT, plainReport, resultBody)).toBeGreaterThan(500);
});

test.each([null, undefined, 5, 'text', [], [{ command: 'ls' }]])('%j is left to the schema', (body) => {
  expect([plainCommand(body), plainReport(body)]).toEqual([null, null]);
});

/** Without what the older callback says where it was not asked for. */
function plainPartOf({ callbackChannel, callbackBotToken, ...rest }: z.output<typeof commandBody>) {
  return callbackChannel === null && callbackBotToken === null ? rest : { callbackChannel, ...rest };
}
