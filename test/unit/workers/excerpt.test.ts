import { describe, expect, test } from 'vitest';
import type { ResultBody } from '../../../src/http/contract/worker.ts';
import { Excerpt, excerptOfJson, jsonBytes } from '../../../src/workers/excerpt.ts';
import { fittingJson } from '../../../src/workers/fit-result.ts';

function excerptOf(text: string, limitBytes: number, chunkBytes = 7): string {
  const excerpt = new Excerpt(limitBytes);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) excerpt.push(bytes.subarray(at, at + chunkBytes));
  return excerpt.text();
}

describe('an excerpt', () => {
  test('of what fits is all of it', () => {
    expect(excerptOf('', 10)).toBe('');
    expect(excerptOf('0123456789', 10)).toBe('0123456789');
    expect(excerptOf('naïve 🦀', 11)).toBe('naïve 🦀');
  });

  test('of more is head and tail, and the true count of bytes', () => {
    expect(excerptOf('0123456789A', 10)).toBe('01234\n[… 1 of 11 bytes left out …]\n6789A');
    expect(excerptOf('ab'.repeat(50_000), 4, 1)).toBe('ab\n[… 99996 of 100000 bytes left out …]\nab');
  });

  test.each([4, 6, 7, 8, 9, 10, 11, 12, 13])('of %i bytes cuts no character in two', (limit) => {
    const text = excerptOf('🦀é日'.repeat(20), limit);
    expect(text).not.toContain('\ufffd');
    expect(text).toMatch(/^[🦀é日]*\n\[… \d+ of 180 bytes left out …\]\n[🦀é日]*$/u);
  });
});

describe('an excerpt for JSON', () => {
  test.each([
    ['control characters, six bytes each', '\u0000\u001b'.repeat(1_000)],
    ['quotes and line ends', '"\\\n\t'.repeat(1_000)],
    ['characters of two, three and four bytes', 'é日🦀'.repeat(1_000)],
    ['halves of characters', '\ud83e'.repeat(1_000)],
  ])('of %s fits its budget and uses it', (_, text) => {
    const excerpt = excerptOfJson(text, 1_500);
    expect(jsonBytes(excerpt)).toBeLessThanOrEqual(1_500);
    expect(jsonBytes(excerpt)).toBeGreaterThan(1_350);
    expect(text.startsWith(excerpt.slice(0, 10))).toBe(true);
    expect(text.endsWith(excerpt.slice(-10))).toBe(true);
  });

  test('of an excerpt still tells the true count', () => {
    const first = excerptOf('x'.repeat(1_000_000), 10_000);
    expect(excerptOfJson(first, 1_100)).toMatch(
      /^x{490,500}\n\[… 9990\d\d of 1000000 bytes left out …\]\nx{490,500}$/,
    );
  });
});

describe('the JSON of a result', () => {
  const result: ResultBody = { taskId: 't', leaseId: 'l', stdout: '', stderr: '', exitCode: 0, error: null };
  const fits = (body: ResultBody) => {
    const json = fittingJson(body);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(5 * 1024 * 1024);
    return JSON.parse(json) as ResultBody;
  };

  test('is the result itself where it fits', () => {
    expect(fits({ ...result, stdout: 'x'.repeat(5_000_000) }).stdout).toHaveLength(5_000_000);
  });

  test('fits the body limit when a megabyte of control characters becomes six', () => {
    const { stdout } = fits({ ...result, stdout: '\u0000'.repeat(1_048_576) });
    expect(stdout).toContain('of 1048576 bytes left out');
    expect(jsonBytes(stdout)).toBeGreaterThan(5_000_000);
  });

  test('leaves a short stderr whole beside a long stdout', () => {
    const body = fits({ ...result, stdout: 'x'.repeat(8_000_000), stderr: 'the reason' });
    expect(body.stderr).toBe('the reason');
    expect(body.stdout.length).toBeGreaterThan(5_000_000);
  });

  test('shares the room where both are long', () => {
    const body = fits({ ...result, stdout: 'o'.repeat(8_000_000), stderr: 'e'.repeat(8_000_000) });
    expect(Math.abs(body.stdout.length - body.stderr.length)).toBeLessThan(100);
  });

  test('is a failure where something else is too large', () => {
    const body = fits({ ...result, metadata: { huge: 'x'.repeat(6_000_000) } });
    expect(body).toMatchObject({ taskId: 't', leaseId: 'l', exitCode: -1, error: 'the result is too large' });
  });
});
