/** How every proof ends: a table for people, one line of JSON last, an exit code that is 0 only when all held. */
import { InvalidArgumentError } from 'commander';

export type Figures = Record<string, number | string | boolean | object | null>;

/** What a proof found: its figures in the order in which they are told, and what was violated. */
export interface Verdict {
  figures: Figures;
  /** A sentence each; empty when all held. */
  violations: readonly string[];
}

/**
 * Prints the verdict and sets the exit code: 0 when nothing was violated, else 1. The JSON goes to stdout, and is the
 * last line there; what is for people goes to stderr.
 */
export function conclude(title: string, { figures, violations }: Verdict, { json }: { json: boolean }): void {
  if (!json) process.stderr.write(`\n${title}\n\n${table(figures)}\n`);
  for (const violation of violations) process.stderr.write(`violated: ${violation}\n`);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

/** Something that is going on, for people who wait. */
export function tell(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

/** Of a command line option: a whole number, at least `least`. */
export function count(least: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`It takes a whole number, at least ${least}.`);
  };
}

function table(figures: Figures): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  const lines = Object.entries(figures).map(([name, value]) => `  ${name.padEnd(width)}  ${shown(value)}\n`);
  return lines.join('');
}

function shown(value: Figures[string]): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
