/** `node bench/plot.ts FILE FOLDER`: draws what `bench --out FILE` measured, and prints its table as Markdown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './figures.ts';
import type { Sides } from './measure.ts';
import type { BacklogPoint } from './plots/backlog.ts';
import { backlogChart } from './plots/backlog.ts';
import { latencyChart } from './plots/latency.ts';
import { markdownOf } from './report.ts';

interface Measured {
  outcomes: Record<string, Outcome>;
  points: { pickup?: Sides<number[]>; result?: Sides<number[]>; backlog?: BacklogPoint[] };
}

const [file, folder] = process.argv.slice(2);
if (file === undefined || folder === undefined) {
  process.stderr.write('usage: node bench/plot.ts FILE FOLDER, with a FILE that bench --out has written\n');
  process.exit(2);
}
const { outcomes, points } = JSON.parse(readFileSync(file, 'utf8')) as Measured;
const { pickup, result, backlog } = points;
if (pickup !== undefined && result !== undefined)
  draw('performance-latency.svg', latencyChart({ pickup, result }));
if (backlog !== undefined) draw('performance-backlog.svg', backlogChart(backlog));
process.stdout.write(`${markdownOf(outcomes)}\n`);

function draw(name: string, svg: string): void {
  const path = join(folder ?? '.', name);
  writeFileSync(path, svg);
  process.stderr.write(`wrote ${path}\n`);
}
