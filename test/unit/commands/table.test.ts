import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Column, table } from '../../../src/commands/table.ts';

interface Row {
  id: string;
  note: string;
  more?: string;
}

const COLUMNS: Column<Row>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'NOTE', text: ({ note }) => note, cut: true },
  { title: 'MORE', text: ({ more = '' }) => more, cut: true, spare: true },
];

async function linesOf(rows: Row[], width: number | null): Promise<string[]> {
  return stripVTControlCharacters(await table(COLUMNS, rows, { width })).split('\n');
}

const LONG = 'a note that is long, and goes on for a while';

describe('a table', () => {
  it('is as wide as it needs to be where nothing limits it, and leaves out what is empty', async () => {
    expect(
      await linesOf(
        [
          { id: 'a', note: LONG },
          { id: 'bbbb', note: '' },
        ],
        null,
      ),
    ).toEqual(['ID    NOTE', `a     ${LONG}`, 'bbbb']);
  });

  it('cuts what may be cut, never more than the terminal asks for, and no id', async () => {
    const id = 'x'.repeat(36);
    const lines = await linesOf(
      [
        { id, note: LONG },
        { id, note: 'short' },
      ],
      60,
    );
    expect(lines[1]).toBe(`${id}  a note that is long, …`);
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
    expect((await linesOf([{ id, note: LONG }], 20))[1]).toContain(id);
  });

  it('spares what can be spared where the rest would be too short', async () => {
    const row = { id: 'x'.repeat(36), note: LONG, more: LONG };
    expect((await linesOf([row], 80))[0]).toMatch(/^ID +NOTE +MORE$/);
    expect((await linesOf([row], 60))[0]).toMatch(/^ID +NOTE$/);
  });

  it('aligns wide characters, and prints nothing that a terminal would obey', async () => {
    const lines = await linesOf(
      [
        { id: '日本', note: 'a\u001b[2Jb\r\nc\u0007\u202ed' },
        { id: 'abcd', note: 'x' },
      ],
      null,
    );
    expect(lines).toEqual(['ID    NOTE', '日本  ab cd', 'abcd  x']);
  });

  it('of many rows has one head and the same columns all the way', async () => {
    const rows = Array.from({ length: 250 }, (_, index) => ({ id: 'x'.repeat(1 + (index % 9)), note: 'n' }));
    const lines = await linesOf(rows, null);
    expect(lines).toHaveLength(251);
    expect(lines[0]).toBe('ID         NOTE');
    for (const line of lines.slice(1)) expect(line).toMatch(/^(?=.{12}$)x+ +n$/);
  });

  it('keeps its columns where it goes on', async () => {
    const going: Column<Row>[] = [{ title: 'ID', text: ({ id }) => id, least: 6 }, ...COLUMNS.slice(1, 2)];
    const one = (row: Row, headless: boolean) => table(going, [row], { width: 30, headless });
    const first = stripVTControlCharacters(await one({ id: 'a', note: 'x' }, false));
    expect(`${first}\n${await one({ id: 'bb', note: 'y' }, true)}`).toBe(
      'ID      NOTE\na       x\nbb      y',
    );
  });
});
