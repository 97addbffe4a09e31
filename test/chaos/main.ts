/** `npm run -s chaos -- --kills 200 --seed 1 --json`: what is left of all promises when everything is killed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { powerLoss } from '../power-loss/power-loss.ts';
import { brokenProduct, PRODUCT } from '../support/sabotage.ts';
import { straceProblem } from '../support/strace.ts';
import { conclude, count, tell, type Verdict } from '../support/verdict.ts';
import { BREAKS, type Break } from './breaks.ts';
import { ROLES } from './plan.ts';
import { ChaosRun } from './run.ts';

interface Options {
  kills: number;
  seed: number;
  json: boolean;
  keep: boolean;
  break?: Break;
}

const OPERATIONS = 100;

const program = new Command('chaos')
  .description(
    'Runs a Task API, three runners, two clients that submit tasks and keep schedules, and a reader of the events as ' +
      'real processes, kills them at random instants, cuts, delays and half-opens their connections, has chats and ' +
      'webhooks that misbehave told of outcomes, and compares what the tasks wrote of themselves, what the events tell ' +
      'and what the channels show with what was promised. About 3 seconds a kill, and a minute. Linux only.',
  )
  .option('--kills <number>', 'how often something is killed', count(ROLES.length), 200)
  .option('--seed <number>', 'what the plan follows from', count(0), 1)
  .option('--json', 'print nothing but the figures and what was violated', false)
  .option('--keep', 'keep the folder of the run when something was violated', false)
  .addOption(
    new Option('--break <what>', 'run a copy that is broken so; it must turn red').choices(
      Object.keys(BREAKS),
    ),
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

program.parse();
const options = program.opts<Options>();
if (process.platform !== 'linux') program.error('error: the chaos run reads /proc: run it on Linux');
const noStrace = straceProblem();
if (noStrace !== null && options.break === 'sync') program.error(`error: ${noStrace}`);

const folder = mkdtempSync(join(tmpdir(), 'openclaw-runner-chaos-'));
const product =
  options.break === undefined ? PRODUCT : brokenProduct(join(folder, 'product'), BREAKS[options.break]);
const run = new ChaosRun({ product, folder: join(folder, 'run'), kills: options.kills, seed: options.seed });
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void abandon(signal));

let isKept = false;
try {
  const verdict = await both();
  conclude('Chaos', verdict, options);
  const isRed = verdict.violations.length > 0;
  isKept = options.keep && isRed;
  if (isRed) tell(`seed ${options.seed}${isKept ? `, everything is in ${folder}` : ''}`);
} catch (error) {
  tell(`seed ${options.seed}: ${(error as Error).message}`);
  leave();
}
if (!isKept) rmSync(folder, { recursive: true, force: true });

/** Whatever goes wrong in the run itself, nothing of it lives on. */
async function chaos(): Promise<Verdict> {
  try {
    return await run.run();
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

/** A SIGKILL loses nothing that the kernel has, so the loss of power has a phase of its own. */
async function both(): Promise<Verdict> {
  const { figures, violations } = await chaos();
  if (noStrace !== null) return { figures: { ...figures, powerLoss: { skipped: noStrace } }, violations };
  tell('power loss …');
  const power = await powerLoss({ product, operations: OPERATIONS, signal: interrupted.signal });
  return {
    figures: { ...figures, powerLoss: power.figures },
    violations: [...violations, ...power.violations.map((violation) => `powerLoss: ${violation}`)],
  };
}

async function abandon(signal: NodeJS.Signals): Promise<void> {
  tell(`ended by ${signal}`);
  interrupted.abort(new Error(`ended by ${signal}`));
  await run.abandon();
  leave();
}

/** What the run still waits for would keep this process. */
function leave(): never {
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}
