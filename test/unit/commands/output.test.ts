import { describe, expect, it } from 'vitest';
import { coloured, inLine, visible, wrapped } from '../../../src/commands/output.ts';

/** A title, a cleared screen, a copied clipboard, a hidden link, a C1 sequence, text that runs backwards. */
const HOSTILE =
  '\u001b]0;title\u0007a\u001b[2J\u001b]52;c;AAAA\u001b\\b\u001b]8;;http://x\u001b\\c\u009b31md\u202ee\u0000\u007f';

describe('what comes from anybody', () => {
  it.each([
    ['a line', inLine],
    ['lines', visible],
    ['lines with colours', coloured],
  ])('steers no terminal: %s', (_, shown) => {
    expect(shown(HOSTILE)).toBe('abcde');
    expect(shown('\u001b\u001b[0m[2J\u001b')).not.toMatch(/\u001b(?!\[0m)/);
    expect(shown('日本 👍 é')).toBe('日本 👍 é');
  });

  it('keeps its lines and tabs where it has some, and goes back to none of them', () => {
    expect(visible('a\tb\r\nc\rd\n')).toBe('a\tb\nc\nd\n');
    expect(inLine(' a\tb\r\nc\u2028d ')).toBe('a b c d');
  });

  it('keeps its colours where they end with it', () => {
    expect(coloured('\u001b[1;31mred\u001b[2K')).toBe('\u001b[1;31mred\u001b[0m');
    expect(coloured('plain')).toBe('plain');
  });
});

describe('a sentence', () => {
  const SENTENCE = `Nothing of ${'/a/long/path'.repeat(3)} is read by tasks.`;

  it('is broken between words, below its beginning', () => {
    expect(wrapped(SENTENCE, 2, 32).split('\n')).toEqual([
      'Nothing of',
      `  ${'/a/long/path'.repeat(3)}`,
      '  is read by tasks.',
    ]);
    expect(wrapped('one two three four five six', 4, 5)).toBe('one two three four\n    five six');
  });

  it('has short lines on a wide terminal, and is as it is where nobody has one', () => {
    const long = 'word '.repeat(60).trim();
    for (const line of wrapped(long, 0, 250).split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(wrapped(long, 2, null)).toBe(long);
  });
});
