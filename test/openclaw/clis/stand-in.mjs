/**
 * What the stand-in CLIs of this folder share. Each says what it has heard, and in which session:
 *
 *     claude heard: hello (new)
 *     claude heard: and again (resumed 01234567-89ab-4cde-8f01-23456789abcd)
 *
 * At the prompt `hang` it tells that it works, writes its process id as a line of `$HOME/<cli>.pids`, and lives until
 * it is killed. They keep their sessions where the real ones do, and print no more than our executors read; the
 * strict ones are in test/support/cli.
 */
import { appendFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The text after a flag, or after a word. */
export function valueAfter(flag) {
  const at = process.argv.indexOf(flag);
  return at === -1 ? undefined : process.argv[at + 1];
}

export function answerVersion(version) {
  if (process.argv[2] !== '--version') return;
  process.stdout.write(`${version}\n`);
  process.exit(0);
}

/** Resolves with the answer; `works` tells of what it does before. */
export async function answerTo(cli, prompt, { resumed, works }) {
  if (prompt.trim() === 'hang') {
    works('on it');
    appendFileSync(join(homedir(), `${cli}.pids`), `${process.pid}\n`);
    await new Promise(() => setInterval(() => {}, 60_000));
  }
  return `${cli} heard: ${prompt} (${resumed === undefined ? 'new' : `resumed ${resumed}`})`;
}
