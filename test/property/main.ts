/** `npm run -s property -- --histories 10000 --seed 1 --json`: the queue beside a model of what it promises. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { brokenProduct, PRODUCT } from '../support/sabotage.ts';
import { conclude, count, tell, type Verdict } from '../support/verdict.ts';
import { BREAKS } from './breaks.ts';
import { type Proof, prove } from './prove.ts';
import { makeFolder, type Product } from './store.ts';

interface Options {
  histories: number;
  seed: number;
  path?: string;
  json: boolean;
  break?: string;
}

/** Which proof sees the rest broken. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  guard: 'The queue alone starts no processes: npm run chaos shows a broken guard.',
  repeat:
    'No time passes between a commit and what follows on it: npm run chaos shows what is stored a moment later.',
  stream: 'No stream is read here: npm run chaos shows what is missed.',
  sync: 'No power fails here, and what SQLite has written the kernel has: npm run power-loss shows a missing sync.',
};
/** A sign of life, so often. */
const EVERY = 500;

const program = new Command('property')
  .description(
    'Draws histories of what clients, runners and time may do to the queue, and lives through each twice: with the ' +
      'queue, and with a model of what it promises. They must never differ. The first history in which they do is ' +
      'made short and told. About 15 histories a second.',
  )
  .option('--histories <number>', 'how many', count(1), 10_000)
  .option('--seed <number>', 'what the histories follow from', count(0), 1)
  .option('--path <path>', 'only the history of the seed that a failure has named', pathOf)
  .option('--json', 'print nothing but the figures and what was violated', false)
  .option(
    '--break <what>',
    `run a copy that is broken so, and must turn red: ${Object.keys(BREAKS).join(', ')}`,
    breakOf,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

const options = program.parse().opts<Options>();
const folder = makeFolder();
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));

const proof = await prove({
  ...options,
  folder,
  product: await product(options.break),
  onHistory: (number) => {
    if (!options.json && number % EVERY === 0) tell(`${number} histories …`);
  },
  onFailure: () => tell('queue and model differ; making the history short …'),
});
conclude(`Property: queue and model beside it, seed ${options.seed}`, verdictOf(proof), options);

async function product(broken: string | undefined): Promise<Product> {
  const root = broken === undefined ? PRODUCT : brokenProduct(join(folder, 'product'), BREAKS[broken] ?? []);
  const part = (file: string) => import(pathToFileURL(join(root, file)).href);
  const [{ openQueue }, { Scheduler }] = [
    await part('src/queue/index.ts'),
    await part('src/reconciler/scheduler.ts'),
  ];
  return { openQueue, Scheduler };
}

function verdictOf({ histories, tally, failure }: Proof): Verdict {
  const { restart = 0, crash = 0 } = tally.counts;
  const figures = {
    histories,
    operations: tally.operations,
    restarts: restart + crash,
    seed: options.seed,
    failures: failure === null ? 0 : 1,
    counts: tally.counts,
  };
  if (failure !== null) return { figures, violations: [failure] };
  const missing = options.path === undefined ? tally.missing : [];
  return { figures, violations: missing.map((kind) => `"${kind}" never happened: draw more histories`) };
}

function pathOf(text: string): string {
  if (/^\d+(:\d+)*$/.test(text)) return text;
  throw new InvalidArgumentError('It takes the path that a failure has named, such as 55.');
}

function breakOf(text: string): string {
  if (Object.hasOwn(BREAKS, text)) return text;
  throw new InvalidArgumentError(ELSEWHERE[text] ?? `It takes one of ${Object.keys(BREAKS).join(', ')}.`);
}
