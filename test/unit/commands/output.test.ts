import { describe, expect, it } from 'vitest';
import { coloured, inLine, visible } from '../../../src/commands/output.ts';

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
