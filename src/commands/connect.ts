/** How the commands find the Task API. */
import { type Command, InvalidArgumentError } from 'commander';
import { TaskApiClient } from '../client/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import { readDataFolder, readUrl } from '../config.ts';
import type { Reach } from '../invocation.ts';
import { type Environment, Settings } from '../settings.ts';
import { readOwnToken, readToken } from '../token.ts';

/** Options of every command that talks to a Task API. */
export interface Reaching {
  url?: string;
  tokenFile?: string;
  json?: boolean;
}

export interface Connected {
  /** It asks once; whoever is ready to wait says so. */
  client: TaskApiClient;
  /** For sentences that say how to go on. */
  reach: Reach;
  clock: Clock;
}

/** Makes a subcommand. */
export type Add = (name: string, description: string) => Command;

export function reaching(command: Command): Command {
  return command
    .option('--url <url>', 'where the Task API is (or WORKER_URL)')
    .option('--token-file <path>', 'file with its token (or WORKER_TOKEN, or the one in the data folder)')
    .option('--json', 'prints JSON');
}

/** Options win over the environment, and both over the data folder. `StartError`. */
export function connect(env: Environment, { url, tokenFile }: Reaching): Connected {
  const settings = new Settings({ ...env, ...(url !== undefined && { WORKER_URL: url }) });
  const folder = readDataFolder(settings);
  const found = readUrl(settings);
  settings.check();
  const given = tokenFile === undefined ? settings.get('WORKER_TOKEN') : undefined;
  const file = given === undefined ? (tokenFile ?? folder.tokenFile) : null;
  const token = given ?? (tokenFile === undefined ? readOwnToken(folder.tokenFile) : readToken(tokenFile));
  const tokenSource = file ?? 'WORKER_TOKEN';
  const clock = systemClock;
  const client = new TaskApiClient({ url: found, token, tokenSource, clock, patienceMs: 0 });
  return { client, reach: { url: found, tokenFile: file }, clock };
}

export function wholeNumber(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a whole number.');
}

export function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a number from 1.');
}

export function countTo(most: number): (text: string) => number {
  return (text) => {
    if (count(text) <= most) return Number(text);
    throw new InvalidArgumentError(`It takes a number up to ${most}.`);
  };
}

export function milliseconds(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a number of milliseconds.');
}

/** 0 is none. */
export function anyMilliseconds(text: string): number {
  return text === '0' ? 0 : milliseconds(text);
}
