import { expect, test } from 'vitest';
import { LineSplitter } from '../../../src/workers/line-splitter.ts';

function linesOf(text: string, chunkBytes: number): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) splitter.push(bytes.subarray(at, at + chunkBytes));
  splitter.end();
  return lines;
}

test.each([1, 2, 3, 5, 100])('finds the lines in chunks of %i bytes', (chunkBytes) => {
  expect(linesOf('naïve\r\n\n日本語 🦀\nlast', chunkBytes)).toEqual(['naïve', '', '日本語 🦀', 'last']);
  expect(linesOf('one\n', chunkBytes)).toEqual(['one']);
});

test('cuts a line that never ends, and finds the next one', () => {
  const [first, second] = linesOf(`${'x'.repeat(33 * 1024 * 1024)}\nnext`, 1024 * 1024);
  expect(first).toHaveLength(32 * 1024 * 1024);
  expect(second).toBe('next');
});
