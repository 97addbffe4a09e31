/** Tables without lines, as wide as they need to be, or as the terminal is. */
import type Table from 'cli-table3';
import type { TableConstructorOptions } from 'cli-table3';
import { inLine, styled } from './output.ts';

export interface Column<Row> {
  title: string;
  /** `''` for nothing; a column of nothing is left out. */
  text: (row: Row) => string;
  style?: (row: Row) => Parameters<typeof styled>[0] | null;
  /** Its texts may be cut where room is short. */
  cut?: true;
  /** Where room is short it is left out, the last such column first. */
  spare?: true;
  /** Characters that it has at least, for tables that go on. */
  least?: number;
}

interface Options {
  /** Characters in a line; null for as many as it takes. */
  width: number | null;
  /** Without a line of titles. */
  headless?: boolean;
}

/** The library's time grows with the square of the rows: 9 s for 5,000 at once, a second in pieces. */
const PIECE = 100;
/** A column that is cut keeps so many characters. */
const LEAST_CUT = 12;
const GAP = '  ';

/** Nothing of the library's own lines and colours. */
const PLAIN = {
  chars: {
    ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', left: '', right: '', middle: GAP },
    ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
    ...{ mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' },
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
} satisfies TableConstructorOptions;

/** The lines of the table, without one at its end. */
export async function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, headless = false }: Options,
): Promise<string> {
  const { default: Library } = await import('cli-table3');
  const pieces = piecesOf(rows);
  const sized = columns
    .filter((column) => column.least !== undefined || rows.some((row) => textOf(column, row) !== ''))
    .map((column) => ({ column, width: widthOf(Library, column, pieces) }));
  const fitted = fitInto(sized, width);
  const colWidths = fitted.map(({ width }) => width);
  const titles = fitted.map(({ column }) => styled('bold', column.title));
  const drawn = pieces.map((piece, index) => {
    const part = new Library({ ...PLAIN, head: headless || index > 0 ? [] : titles, colWidths });
    part.push(...piece.map((row) => fitted.map(({ column }) => cell(column, row))));
    return part.toString();
  });
  return drawn.join('\n').replaceAll(/ +$/gm, '');
}

function piecesOf<Row>(rows: readonly Row[]): (readonly Row[])[] {
  const count = Math.max(1, Math.ceil(rows.length / PIECE));
  return Array.from({ length: count }, (_, index) => rows.slice(index * PIECE, (index + 1) * PIECE));
}

/** Of its title and its texts, as the library counts: wide characters are two. */
function widthOf<Row>(
  Library: typeof Table,
  column: Column<Row>,
  pieces: readonly (readonly Row[])[],
): number {
  const widths = pieces.map((piece) => {
    const alone = new Library({ ...PLAIN, head: [column.title.padEnd(column.least ?? 0)] });
    alone.push(...piece.map((row) => [textOf(column, row)]));
    return alone.width;
  });
  return Math.max(...widths);
}

function textOf<Row>(column: Column<Row>, row: Row): string {
  return inLine(column.text(row));
}

interface Sized<Row> {
  column: Column<Row>;
  width: number;
}

/** Leaves out what can be spared, then cuts what may be cut, the widest first. */
function fitInto<Row>(sized: readonly Sized<Row>[], width: number | null): Sized<Row>[] {
  if (width === null) return [...sized];
  let fitted = [...sized];
  for (;;) {
    const spared = fitted.findLast(({ column }) => column.spare);
    if (spared === undefined || total(fitted.map(cutShort)) <= width) break;
    fitted = fitted.filter((other) => other !== spared);
  }
  for (let excess = total(fitted) - width; excess > 0; excess -= 1) {
    const [widest] = fitted.filter(isCuttable).sort((a, b) => b.width - a.width);
    if (widest === undefined) break;
    fitted = fitted.map((other) => (other === widest ? { ...other, width: other.width - 1 } : other));
  }
  return fitted;
}

function isCuttable<Row>({ column, width }: Sized<Row>): boolean {
  return column.cut === true && width > LEAST_CUT;
}

function cutShort<Row>(sized: Sized<Row>): Sized<Row> {
  return isCuttable(sized) ? { ...sized, width: LEAST_CUT } : sized;
}

function total<Row>(sized: readonly Sized<Row>[]): number {
  return sized.reduce((sum, { width }) => sum + width, GAP.length * (sized.length - 1));
}

function cell<Row>(column: Column<Row>, row: Row): string {
  const text = textOf(column, row);
  const style = column.style?.(row) ?? null;
  return style === null || text === '' ? text : styled(style, text);
}
