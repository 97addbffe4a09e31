/** `npm run -s power-loss -- --operations 200 --json`: no acknowledgement before its rows are on disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { brokenProduct, PRODUCT } from '../support/sabotage.ts';
import { straceProblem } from '../support/strace.ts';
import { conclude, count, tell } from '../support/verdict.ts';
import { BREAKS, type Break, LEVELS, type Level } from './breaks.ts';
import { powerLoss } from './power-loss.ts';

interface Options {
  operations: number;
  json: boolean;
  break?: Break;
  level?: Level;
}

const program = new Command('power-loss')
  .description(
    'Runs a Task API and a runner under strace, and reads in their traces whether a sync of every file that holds the rows of an operation has returned before its 2xx is written, and a sync of each result before it is sent.',
  )
  .option('--operations <number>', 'requests to the Task API, at least', count(1), 200)
  .option('--json', 'print nothing but the figures and what was violated', false)
  .addOption(
    new Option('--break <what>', 'run against a copy that is broken so; it must turn red').choices(
      Object.keys(BREAKS),
    ),
  )
  .addOption(
    new Option(
      '--level <synchronous>',
      'what --break sync makes of synchronous=FULL (default: "off")',
    ).choices(LEVELS),
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

program.parse();
const options = program.opts<Options>();
if (options.level !== undefined && options.break !== 'sync')
  program.error('error: --level is for --break sync');
const problem = straceProblem();
if (problem !== null) program.error(`error: ${problem}`);

const folder = mkdtempSync(join(tmpdir(), 'openclaw-runner-power-loss-'));
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => interrupted.abort(`ended by ${signal}`));
try {
  const { operations, json } = options;
  if (!json) tell(`${operations} operations under strace …`);
  const verdict = await powerLoss({ product: chosenProduct(), operations, signal: interrupted.signal });
  conclude('Power loss', verdict, { json });
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  tell(String(interrupted.signal.reason));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function chosenProduct(): string {
  const { break: wanted, level = 'off' } = options;
  return wanted === undefined ? PRODUCT : brokenProduct(join(folder, 'broken'), BREAKS[wanted](level));
}
