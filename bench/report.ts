/** A table for people. */
import Table from 'cli-table3';
import { type Figure, isSkipped, type Outcome, type Skipped } from './figures.ts';

export const HEAD = ['benchmark', 'value', 'reference', 'ratio', 'must', 'pass'] as const;

/** A row for each measure. */
export function rowsOf(outcomes: Readonly<Record<string, Outcome>>): string[][] {
  return Object.entries(outcomes).flatMap(([name, outcome]) => {
    if (!('parts' in outcome)) return [rowOf(name, outcome)];
    return Object.entries(outcome.parts).map(([part, figure]) => rowOf(`${name} ${part}`, figure));
  });
}

export function tableOf(outcomes: Readonly<Record<string, Outcome>>): string {
  const table = new Table({ head: [...HEAD], style: { head: [], border: [] } });
  table.push(...rowsOf(outcomes));
  return table.toString();
}

export function markdownOf(outcomes: Readonly<Record<string, Outcome>>): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...rowsOf(outcomes)];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf(name: string, figure: Figure | Skipped): string[] {
  if (isSkipped(figure)) return [name, `skipped: ${figure.skipped}`, '', '', '', ''];
  const { value, reference, ratio, unit, must, pass } = figure;
  const told = (number: number | null) => (number === null ? '–' : `${short(number)} ${unit}`);
  const verdict = must === null ? '–' : pass ? 'yes' : 'NO';
  return [name, told(value), told(reference), ratio === null ? '–' : short(ratio), must ?? '–', verdict];
}

function short(number: number): string {
  if (Math.abs(number) >= 1_000) return Math.round(number).toLocaleString('en');
  return String(Number(number.toPrecision(3)));
}
