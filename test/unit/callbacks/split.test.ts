import { describe, expect, it } from 'vitest';
import { cutText, splitText } from '../../../src/callbacks/split.ts';

const LIMIT = 2_000;
const more = (left: number) => `[${left} left out]`;
const split = (text: string, limit = LIMIT) => splitText(text, limit, more);

/** A small generator of numbers in [0, 1) from a seed, so that a failing text can be made again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** A text as agents write it: numbered words, lines, code with and without a language, emoji, very long lines. */
function aText(seed: number): string {
  const random = randomFrom(seed);
  const pick = (...options: string[]) => options[Math.floor(random() * options.length)]!;
  let words = 0;
  let text = '';
  for (let line = 0; line < 20 + random() * 60; line++) {
    const length = random() < 0.05 ? 400 : random() * 12;
    for (let word = 0; word < length; word++) text += `w${++words}${pick(' ', ' ', ' 🤖', '👩‍👩‍👧 ')}`;
    text += pick('\n', '\n', '\n', '\n\n', '\r\n', '\n```\n', '\n```ts\n', '\n````md title\n', '\n  ```\n');
  }
  return text;
}

/** What a reader sees of the fences of a message: the longest open one, or null when all are closed. */
function openFence(message: string): string | null {
  let open: string | null = null;
  for (const line of message.split('\n')) {
    const [, marker, rest = ''] = /^\s*(`{3,})([^`]*)$/.exec(line) ?? [];
    if (marker === undefined) continue;
    if (open === null) open = marker;
    else if (marker.length >= open.length && rest.trim() === '') open = null;
  }
  return open;
}

const words = (text: string) => text.match(/w\d+/g) ?? [];

describe('any text', () => {
  const texts = Array.from({ length: 300 }, (_, seed) => ({ seed, text: aText(seed) }));

  it('arrives in order and within the limit, whole or with a last message that says what is missing', () => {
    for (const { seed, text } of texts) {
      const chunks = split(text);
      const isWhole = chunks.length <= 10;
      const said = words(chunks.join('\n'));
      expect(chunks.length, `seed ${seed}`).toBeLessThanOrEqual(11);
      expect(Math.max(...chunks.map((chunk) => chunk.length)), `seed ${seed}`).toBeLessThanOrEqual(LIMIT);
      expect(said, `seed ${seed}`).toEqual(words(text).slice(0, isWhole ? undefined : said.length));
      expect(chunks.at(-1)?.includes('left out'), `seed ${seed}`).toBe(!isWhole);
    }
  });

  it('closes every fence that it opens, and says nothing with blank messages or halves of characters', () => {
    for (const { seed, text } of texts) {
      for (const chunk of split(text, 300)) {
        expect(openFence(chunk), `seed ${seed}`).toBeNull();
        expect(chunk.trim(), `seed ${seed}`).not.toBe('');
        expect(chunk.isWellFormed(), `seed ${seed}`).toBe(true);
      }
    }
  });

  it('without fences is its messages, one after the other', () => {
    for (const { text } of texts) {
      const plain = text.replaceAll('`', "'").slice(0, 9_000);
      expect(split(plain).join('')).toBe(plain);
    }
  });

  it('is split alike each time, so that a retry goes on where the last attempt ended', () => {
    for (const { text } of texts.slice(0, 20)) expect(split(text)).toEqual(split(text));
  });
});

describe('where it cuts', () => {
  it('leaves a text alone that fits, to the last character', () => {
    expect(split('a'.repeat(LIMIT))).toEqual(['a'.repeat(LIMIT)]);
    expect(split('a'.repeat(LIMIT + 1))).toHaveLength(2);
  });

  it('has nothing to say of an empty or blank text', () => {
    expect(split('')).toEqual([]);
    expect(split('\n \n'.repeat(3_000))).toEqual([]);
  });

  it('cuts at a line break', () => {
    const lines = Array.from({ length: 100 }, (_, n) => `line ${n} ${'.'.repeat(40)}\n`);
    const chunks = split(lines.join(''));
    expect(chunks.every((chunk) => chunk.endsWith('\n') && chunk.startsWith('line'))).toBe(true);
  });

  it('cuts before a code block rather than inside of it', () => {
    const code = `\`\`\`sh\n${'echo hello\n'.repeat(60)}\`\`\`\n`;
    const [first, second] = split(`${'words\n'.repeat(240)}${code}`);
    expect(first).not.toContain('```');
    expect(second).toBe(code);
  });

  it('closes a long code block and opens it again with its language', () => {
    const chunks = split(`\`\`\`ts\n${'const a = 1;\n'.repeat(300)}\`\`\`\nand on`);
    expect(chunks.length).toBeGreaterThan(1);
    for (const chunk of chunks) expect(chunk.startsWith('```ts\n')).toBe(true);
    for (const chunk of chunks.slice(0, -1)) expect(chunk.endsWith('\n```')).toBe(true);
    expect(chunks.at(-1)).toMatch(/```\nand on$/);
  });

  it('closes a fence that the text itself left open', () => {
    expect(split('```\ncode')).toEqual(['```\ncode\n```']);
  });

  it('cuts a long line at a blank, a word without blanks between two characters', () => {
    const [sentence] = split('some words '.repeat(400));
    expect(sentence).toMatch(/ $/);
    for (const chunk of split(`a${'😀'.repeat(3_000)}`)) expect(chunk.isWellFormed()).toBe(true);
  });
});

describe('a text beyond ten messages', () => {
  const text = 'x'.repeat(50_000);

  it('ends with a message that tells how much is left out', () => {
    const chunks = split(text);
    const shown = chunks.slice(0, 10).join('').length;
    expect(chunks).toHaveLength(11);
    expect(chunks.at(-1)).toBe(`[${text.length - shown} left out]`);
  });

  it('may be a single line of thirty million characters', () => {
    const huge = `${'y'.repeat(30_000_000)}\n`;
    expect(split(huge)).toHaveLength(11);
  });

  it('is shown whole when it takes exactly ten', () => {
    const lines = `${'z'.repeat(LIMIT - 1)}\n`.repeat(10);
    expect(split(lines)).toHaveLength(10);
    expect(split(lines).join('')).toBe(lines);
  });
});

describe('a text that may be one message only', () => {
  const cut = (text: string, limit = LIMIT) => cutText(text, limit, more);

  it('is left alone where it fits, to the last character', () => {
    expect(cut('a'.repeat(LIMIT))).toBe('a'.repeat(LIMIT));
    expect(cut(' \n')).toBe(' \n');
    expect(cut('```\ncode')).toBe('```\ncode');
  });

  it('ends with a line that says how much is left out, and is within the limit', () => {
    for (let seed = 0; seed < 100; seed++) {
      const text = aText(seed).repeat(5);
      const said = cut(text);
      const [, left = ''] = /\n\[(\d+) left out\]$/.exec(said) ?? [];
      const shown = words(said.slice(0, said.lastIndexOf('\n')));
      expect(said.length, `seed ${seed}`).toBeLessThanOrEqual(LIMIT);
      expect(said.length, `seed ${seed}`).toBeGreaterThan(LIMIT / 2 - 50);
      expect(shown, `seed ${seed}`).toEqual(words(text.slice(0, -Number(left))));
      expect(openFence(said), `seed ${seed}`).toBeNull();
      expect(said.isWellFormed(), `seed ${seed}`).toBe(true);
    }
  });

  it('shows of a long line behind a short one as much as there is room for', () => {
    const said = cut(`The answer:\n{"rows":[${'1,'.repeat(20_000)}]}`);
    expect(said).toMatch(/^The answer:\n\{"rows":\[(1,)+1?\n\[\d+ left out\]$/);
    expect(said.length).toBeGreaterThan(LIMIT - 30);
  });

  it('is cut at a line break, with its code closed', () => {
    const said = cut(`\`\`\`ts\n${'const a = 1;\n'.repeat(300)}\`\`\``);
    expect(said).toMatch(/^```ts\n(const a = 1;\n)+```\n\[\d+ left out\]$/);
  });
});
