import { Command, InvalidArgumentError, Option } from 'commander';
import { isBreak } from '../support/sabotage.ts';
import { count } from '../support/verdict.ts';
import { FUZZ_BREAKS } from './breaks.ts';

export interface Options {
  requests: number;
  seed: number;
  only?: number;
  break?: string;
  json: boolean;
}

export function program(): Command {
  return new Command('npm run -s fuzz --')
    .description(
      `Sends garbage of every kind to every route of the Task API, a real process, with and without the token; a fifth of
the requests are valid and have to get through. Then it reads the database: nothing may be in it that was not accepted.
Every request is made from seed and number alone, so that it can be sent again.`,
    )
    .option('--requests <n>', 'how many', count(1), 10_000)
    .option('--seed <n>', 'what they are made from', count(0), 1)
    .option('--only <n>', 'sends this one request, and shows it with its answer', count(0))
    .addOption(
      new Option(
        '--break <what>',
        `runs against a copy that is broken on purpose, to see that it is found: ${Object.keys(FUZZ_BREAKS).join(', ')}`,
      ).argParser(breakOf),
    )
    .option('--json', 'leaves out the table for people', false)
    .allowExcessArguments(false)
    .exitOverride();
}

function breakOf(word: string): string {
  if (Object.hasOwn(FUZZ_BREAKS, word)) return word;
  const elsewhere = isBreak(word) ? ` "${word}" is shown by: npm run -s chaos -- --break ${word}` : '';
  throw new InvalidArgumentError(`It takes one of ${Object.keys(FUZZ_BREAKS).join(', ')}.${elsewhere}`);
}
