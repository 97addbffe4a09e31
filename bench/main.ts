/** `npm run -s bench -- --json [--only NAME] [--smoke] [--out FILE]`: how fast it is, beside what it is compared with. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks/index.ts';
import { exitCodeOf, type Outcome } from './figures.ts';
import { tableOf } from './report.ts';
import { Stage } from './stage.ts';

const USAGE = `usage: npm run -s bench -- [--json] [--only NAME]… [--smoke] [--out FILE]

  --json      print one line of JSON last, on stdout
  --only      one benchmark, may be repeated:
${BENCHMARKS.map(({ name, title }) => `                ${name.padEnd(13)}${title}`).join('\n')}
  --smoke     tiny sizes, to see that it works: what is slow is told, and does not decide the exit code
  --out       write the figures and their raw points to FILE, for bench/plot.ts

About 15 minutes without --smoke. Exit code 1 when something is not as it must be. Linux only.
`;

interface Options {
  json: boolean;
  smoke: boolean;
  only: string[];
  out: string | undefined;
}

const options = readOptions();
const stage = new Stage(options);
let isBroken = false;
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void abandon(signal));

try {
  const outcomes = await runAll();
  if (!isInterrupted) report(outcomes);
} finally {
  await stage.close();
}

/** One that breaks leaves no outcome, and the others theirs. */
async function runAll(): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const { name, title, run } of BENCHMARKS) {
    if (isInterrupted) break;
    if (options.only.length > 0 && !options.only.includes(name)) continue;
    stage.tell(`${name}: ${title} …`);
    stage.settle();
    try {
      outcomes[name] = await run(stage);
    } catch (error) {
      if (isInterrupted) break;
      isBroken = true;
      stage.tell(`${name} broke: ${(error as Error).stack}`);
    }
  }
  return outcomes;
}

function report(outcomes: Record<string, Outcome>): void {
  const forPeople = options.json ? process.stderr : process.stdout;
  forPeople.write(`${tableOf(outcomes)}\n`);
  if (options.out !== undefined)
    writeFileSync(options.out, JSON.stringify({ outcomes, points: stage.points }));
  if (options.json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  process.exitCode = isBroken ? 1 : exitCodeOf(outcomes, options);
}

/** What is under way fails when its servers are gone: nobody waits for that. */
async function abandon(signal: NodeJS.Signals): Promise<never> {
  isInterrupted = true;
  await stage.close();
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) leave(0, USAGE);
    const unknown = values.only.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
    if (unknown.length > 0) leave(2, `There is no benchmark "${unknown[0]}".\n\n${USAGE}`);
    if (process.platform !== 'linux') leave(2, 'The bench reads /proc: run it on Linux.\n');
    return { ...values, out: values.out };
  } catch (error) {
    return leave(2, `${(error as Error).message}\n\n${USAGE}`);
  }
}

function leave(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}
