/** The subcommands that stay in the foreground until a signal: `start`, `task-api`, `runner`. */
import { once } from 'node:events';
import { banner } from './banner.ts';
import { systemClock as clock } from './clock.ts';
import {
  checkDataFolder,
  readClientToken,
  readDataFolder,
  readLogLevel,
  readServiceToken,
  readTaskApiConfig,
  readUrl,
} from './config.ts';
import { isInFolder, openDataFolder, tokenOf } from './data-folder.ts';
import type { Reach } from './invocation.ts';
import { createLog } from './log.ts';
import type { Surroundings } from './service.ts';
import { type Environment, Settings } from './settings.ts';
import { hearStopSignals } from './stop-signals.ts';
import { readOwnToken } from './token.ts';
import { limitYoungGeneration } from './young-generation.ts';

/** What runs until a signal. `close` finishes what is under way, quickly once `hurry` aborts. */
interface Part {
  close(hurry: AbortSignal): Promise<void>;
  /** The whole process ends with this part. */
  readonly ended?: Promise<unknown>;
}

/** Task API and runner on this machine, with nothing set. */
export async function start(env: Environment): Promise<void> {
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  const config = readTaskApiConfig(settings, folder);
  const { readRunnerSettings } = await runnerConfig();
  const runnerSettings = readRunnerSettings(settings, folder.path);
  const given = readServiceToken(settings, { mayBeMissing: true });
  checkDataFolder(settings, folder);
  const lent = await readSurroundings(settings);
  openDataFolder(folder);
  const token = given ?? tokenOf(folder);
  const tokenFile = given === undefined ? folder.tokenFile : null;
  await untilStopped(lent, async (parts) => {
    const { startTaskApi } = await service();
    const api = await startTaskApi({ ...config, token }, lent);
    parts.push(api);
    tellReady(lent, { url: api.url, tokenFile, runner: describe(runnerSettings) });
    // The Task API goes on when a newer instance of this runner, somewhere else, has taken over.
    const { startRunner } = await runnerService();
    const { close } = await startRunner(runnerSettings, { url: api.url, token }, lent);
    parts.push({ close });
  });
}

/** The control plane alone. It executes nothing. */
export async function taskApi(env: Environment): Promise<void> {
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  const token = readServiceToken(settings) ?? '';
  const config = readTaskApiConfig(settings, folder);
  const usesFolder = [config.taskDb, config.eventDb].some((path) => isInFolder(folder, path));
  if (usesFolder) checkDataFolder(settings, folder);
  const lent = await readSurroundings(settings);
  if (usesFolder) openDataFolder(folder);
  // What it stores is nobody else's business, wherever the databases are.
  process.umask(0o077);
  await untilStopped(lent, async (parts) => {
    const { startTaskApi } = await service();
    const api = await startTaskApi({ ...config, token }, lent);
    parts.push(api);
    tellReady(lent, { url: api.url, tokenFile: null, runner: null });
  });
}

/** The execution plane alone. Ends by itself when a newer instance of this runner has taken over. */
export async function runner(env: Environment): Promise<void> {
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  const { readRunnerSettings } = await runnerConfig();
  const runnerSettings = readRunnerSettings(settings, folder.path);
  const url = readUrl(settings);
  const given = readClientToken(settings);
  checkDataFolder(settings, folder);
  const lent = await readSurroundings(settings);
  openDataFolder(folder);
  const token = given ?? readOwnToken(folder.tokenFile);
  await untilStopped(lent, async (parts) => {
    const { startRunner } = await runnerService();
    parts.push(await startRunner(runnerSettings, { url, token }, lent));
  });
}

function describe({ maxConcurrent }: { maxConcurrent: number }): string {
  return `in this process, up to ${maxConcurrent} tasks at once`;
}

/** Throws when any setting that was read until now is wrong. */
async function readSurroundings(settings: Settings): Promise<Surroundings> {
  const level = readLogLevel(settings);
  settings.check();
  return { clock, log: await createLog({ level, terminal: process.stdout.isTTY }) };
}

/** Starts the parts, waits for a signal, and closes them in reverse; also those that were up when another failed. */
async function untilStopped({ log }: Surroundings, begin: (parts: Part[]) => Promise<void>): Promise<void> {
  const signals = hearStopSignals(clock);
  const releaseYoung = limitYoungGeneration();
  const parts: Part[] = [];
  try {
    await begin(parts);
    const signalled = signals.stop.aborted ? undefined : once(signals.stop, 'abort');
    await Promise.race([signalled, ...parts.flatMap((part) => part.ended ?? [])]);
    log.info('stopping');
  } finally {
    for (const part of parts.toReversed()) await part.close(signals.hurry);
    signals.release();
    releaseYoung();
  }
  log.info('stopped');
}

/** One line for a program, whatever the log level; a few lines for a person. */
function tellReady({ log }: Surroundings, told: Reach & { runner: string | null }): void {
  const { url, tokenFile } = told;
  if (process.stdout.isTTY) process.stdout.write(banner(told));
  else log.child({}, { level: 'info' }).info({ url, tokenFile }, 'ready');
}

/** Each plane is loaded only where it runs: a Task API has 170 files less to load, and starts in 0.8 of the time. */
function service() {
  return import('./service.ts');
}

function runnerConfig() {
  return import('./runner-config.ts');
}

function runnerService() {
  return import('./runner-service.ts');
}
