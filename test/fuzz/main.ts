/** `npm run -s fuzz -- --requests 100000 --seed 1 --json`: garbage at every route, and what comes of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { brokenProduct, PRODUCT } from '../support/sabotage.ts';
import { conclude } from '../support/verdict.ts';
import { FUZZ_BREAKS } from './breaks.ts';
import { type Options, program } from './options.ts';
import { replay } from './replay.ts';
import { targets } from './route-table.ts';
import { FuzzRun } from './run.ts';
import { Stage } from './stage.ts';

async function main(options: Options): Promise<void> {
  const run = { ...options, targets: targets() };
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-runner-fuzz-'));
  let stage: Stage | undefined;
  const clear = () => {
    stage?.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const end = (signal: NodeJS.Signals) => {
    clear();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    const edits = options.break === undefined ? undefined : FUZZ_BREAKS[options.break];
    const product = edits === undefined ? PRODUCT : brokenProduct(join(folder, 'product'), edits);
    stage = await Stage.start(product, folder);
    const { only } = options;
    const verdict = only === undefined ? await new FuzzRun(stage, run).run() : await replay(stage, only, run);
    conclude(`Fuzz: garbage at every route, seed ${options.seed}`, verdict, options);
  } finally {
    clear();
  }
}

try {
  const options = program().parse().opts<Options>();
  await main(options);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
