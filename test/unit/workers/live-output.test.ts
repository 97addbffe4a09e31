import { describe, expect, onTestFinished, test } from 'vitest';
import { createApiClient } from '../../../src/workers/api-client.ts';
import { LiveOutput } from '../../../src/workers/live-output.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeTaskApi, type Fate, TOKEN } from '../../support/fake-task-api.ts';
import { ManualClock } from '../../support/manual-clock.ts';

async function setUp(contract: 'newer' | 'older' = 'newer', ...fates: Fate[]) {
  const clock = new ManualClock();
  const api = await FakeTaskApi.start(contract);
  onTestFinished(() => api.stop());
  api.next('output', ...fates);
  const client = createApiClient({ url: api.url, token: TOKEN, clock });
  const output = new LiveOutput({ leaseId: 'lease-1', api: client, clock });
  /** Lets time pass until so many chunks were sent. */
  const sent = async (count: number) => {
    await eventually(`${count} chunks`, () => {
      if (api.seen.output < count) clock.advance(100);
      return api.outputs.length >= count;
    });
    return api.outputs;
  };
  return { clock, api, output, sent };
}

const texts = (outputs: readonly { chunk: string }[]) => outputs.map(({ chunk }) => chunk);

describe('live output', () => {
  test('goes out in numbered chunks, what comes meanwhile together', async () => {
    const { output, sent } = await setUp();
    output.print('stdout', 'one\n');
    output.print('stdout', 'two\n');
    output.print('stderr', 'oops\n');
    expect(await sent(2)).toEqual([
      { leaseId: 'lease-1', seq: 1, stream: 'stdout', chunk: 'one\ntwo\n' },
      { leaseId: 'lease-1', seq: 2, stream: 'stderr', chunk: 'oops\n' },
    ]);
  });

  test('waits a moment for more, and longer the longer it goes on', async () => {
    const { output, clock, api } = await setUp();
    output.print('stdout', 'one');
    clock.advance(99);
    await new Promise((resolve) => setImmediate(resolve));
    expect(api.seen.output).toBe(0);
    clock.advance(1);
    await eventually('the first chunk', () => api.outputs.length === 1);
    await eventually('the next rest', () => {
      output.print('stdout', 'x');
      return clock.pending > 0;
    });
    clock.advance(101);
    await new Promise((resolve) => setImmediate(resolve));
    expect(api.seen.output).toBe(1);
  });

  test('is sent whole when the task ends, without a rest', async () => {
    const { output, api } = await setUp();
    output.print('stdout', 'a');
    output.print('stderr', 'b');
    output.print('stdout', 'c');
    await output.end();
    expect(texts(api.outputs)).toEqual(['a', 'b', 'c']);
    output.print('stdout', 'too late');
    await output.end();
    expect(api.outputs.length).toBe(3);
  });

  test('an end that nobody hears takes two seconds at most', async () => {
    const { output, clock, api } = await setUp('newer', 'silence');
    output.print('stdout', 'a');
    const ended = output.end();
    await eventually('the request', () => api.seen.output === 1);
    clock.advance(2_000);
    await ended;
  });

  test.each<[string, Fate]>([
    ['is reset', 'reset'],
    ['gets a 503', { status: 503 }],
    ['loses its answer', 'lost answer'],
  ])('a chunk that %s is sent again under its number', async (_, fate) => {
    const { output, clock, api } = await setUp('newer', fate);
    output.print('stdout', 'one');
    await eventually('the second try', () => {
      clock.advance(500);
      return api.seen.output >= 2;
    });
    await eventually('its end', () => api.outputs.at(-1)?.seq === 1);
    expect(new Set(api.outputs.map(({ seq }) => seq))).toEqual(new Set([1]));
  });

  test.each<[string, Fate]>([
    ['says that the lease is over', { status: 409, body: { error: 'over', code: 'lease_lost' } }],
    ['does not take it', { status: 400, body: { error: 'bad', code: 'invalid_field' } }],
    ['knows no output', { status: 404 }],
  ])('ends when the Task API %s', async (_, fate) => {
    const { output, clock, api } = await setUp('newer', fate);
    output.print('stdout', 'one');
    await eventually('the answer', () => {
      clock.advance(100);
      return api.seen.output === 1;
    });
    await output.end();
    output.print('stdout', 'two');
    await output.end();
    expect([api.seen.output, api.outputs]).toEqual([1, []]);
  });

  test('keeps the newest of what can not be sent in time, and says how much is missing', async () => {
    const { output, api } = await setUp();
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 300; index += 1) output.print('stdout', line);
    output.print('stdout', 'the end');
    await output.end();
    const [first, ...others] = texts(api.outputs);
    expect(first).toMatch(/^\n\[… \d+ characters left out/);
    const left = Number(/\d+/.exec(first ?? '')?.[0]);
    expect(left + others.join('').length).toBe(300 * 1024 + 'the end'.length);
    expect(others.join('').endsWith('the end')).toBe(true);
  });

  test('has outputs that alternate in their order, and soon in few chunks', async () => {
    const { output, api } = await setUp();
    for (let index = 0; index < 500; index += 1)
      output.print(index % 2 === 0 ? 'stdout' : 'stderr', `${index}\n`);
    await output.end();
    expect(api.outputs.length).toBe(16);
    expect(texts(api.outputs).slice(0, 3)).toEqual(['0\n', '1\n', '2\n']);
    for (const [stream, odd] of [
      ['stdout', 0],
      ['stderr', 1],
    ] as const) {
      const said = texts(api.outputs.filter((one) => one.stream === stream)).join('');
      expect(said).toBe(Array.from({ length: 250 }, (_, index) => `${2 * index + odd}\n`).join(''));
    }
  });

  test('does not pause between outputs that alternate', async () => {
    const { output, api, clock } = await setUp();
    for (let index = 0; index < 10; index += 1)
      output.print(index % 2 === 0 ? 'stdout' : 'stderr', `${index}\n`);
    clock.advance(100);
    await eventually('all of them', () => api.outputs.length === 10);
  });

  test('that is left out while a chunk is under way is told once, when its turn comes', async () => {
    const chunks: string[] = [];
    const flood = () => {
      for (let index = 0; index < 300; index += 1) output.print('stdout', `${'x'.repeat(1023)}\n`);
    };
    const api = {
      output: async ({ chunk }: { chunk: string }) => {
        if (chunks.push(chunk) < 4) flood();
        return { kind: 'ok' as const, body: {} };
      },
    };
    const clock = new ManualClock();
    const output = new LiveOutput({ leaseId: 'lease-1', api, clock });
    flood();
    await eventually('four chunks', () => {
      clock.advance(100);
      return chunks.length >= 4;
    });
    await output.end();
    expect(chunks.slice(0, 4).map((chunk) => chunk.startsWith('\n[…'))).toEqual([true, false, true, false]);
  });

  test('that comes in one piece at the end is sent whole', async () => {
    const { output, api } = await setUp();
    const whole = { stdout: 'x'.repeat(1_000_000), stderr: 'oops' };
    await output.end(whole);
    expect(texts(api.outputs).join('')).toBe(`${whole.stdout}oops`);
  });

  test('never cuts a character in two', async () => {
    const { output, api } = await setUp();
    const text = `a${'😀'.repeat(100_000)}`;
    output.print('stdout', text);
    await output.end();
    expect(texts(api.outputs).join('')).toBe(text);
    for (const chunk of texts(api.outputs)) {
      expect([chunk.isWellFormed(), chunk.length <= 65_536]).toEqual([true, true]);
    }
  });
});
