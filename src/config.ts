/**
 * All settings of the environment. Names and bounds of the older system are forgiving as they were; newer ones are
 * strict. Whatever is wrong is told by `Settings.check`, all at once.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type CallbackConfig, readCallbacks } from './callback-config.ts';
import { type DataFolder, dataFolderAt, dataFolderProblem, isInFolder, USUAL_FOLDER } from './data-folder.ts';
import { databaseProblem } from './paths.ts';
import type { Settings } from './settings.ts';
import { sendingProblem, tokenProblem } from './token.ts';

const DAY_MS = 86_400_000;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const DEFAULT_PORT = 3456;
export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;

export interface TaskApiConfig extends CallbackConfig {
  host: string;
  /** 0 picks a free one. */
  port: number;
  taskDb: string;
  eventDb: string;
  leaseMs: number;
  taskRetentionMs: number;
  resultRetentionMs: number;
  sessionRetentionMs: number;
  eventRetentionDays: number;
  maxEvents: number;
  maxPending: number;
  /** What seals stored bot tokens; undefined for a key file beside the database. */
  secretKey: string | undefined;
  /** Where AI CLIs keep their sessions on this host, by their names. */
  sessionFolders: Readonly<Record<string, string>>;
}

export function readLogLevel(settings: Settings): string {
  return settings.choice('LOG_LEVEL', LOG_LEVELS, 'info');
}

export function readDataFolder(settings: Settings): DataFolder {
  return dataFolderAt(settings.path('OPENCLAW_RUNNER_HOME', USUAL_FOLDER));
}

/** For those that keep something in it: what is wrong with it is told with the other settings. */
export function checkDataFolder(settings: Settings, folder: DataFolder): void {
  const problem = dataFolderProblem(folder);
  if (problem !== null) settings.problem(problem);
}

/** Of the Task API: undefined only where it `mayBeMissing`, and is not set. */
export function readServiceToken(settings: Settings, options = { mayBeMissing: false }): string | undefined {
  const token = settings.get('WORKER_TOKEN');
  if (token === undefined && options.mayBeMissing) return undefined;
  const problem = tokenProblem(token);
  if (problem !== null) settings.problem(problem);
  return token;
}

/** Of a client or a runner: any that can be sent; undefined for the one in the data folder. */
export function readClientToken(settings: Settings): string | undefined {
  const token = settings.get('WORKER_TOKEN');
  const problem = token === undefined ? null : sendingProblem(token);
  if (problem !== null) settings.problem(problem);
  return token;
}

/** Where clients and runners find the Task API. */
export function readUrl(settings: Settings): string {
  return settings.url('WORKER_URL', DEFAULT_URL);
}

export function readTaskApiConfig(settings: Settings, folder: DataFolder): TaskApiConfig {
  const config = {
    host: settings.get('WORKER_HOST') ?? '127.0.0.1',
    port: settings.integer(['WORKER_PORT', 'PORT'], { default: DEFAULT_PORT, min: 0, max: 65_535 }),
    taskDb: readDatabase(settings, 'WORKER_TASK_DB', { folder, usual: 'tasks.db' }),
    eventDb: readDatabase(settings, 'WORKER_EVENT_DB', { folder, usual: 'events.db' }),
    leaseMs: settings.integer('WORKER_LEASE_MS', { default: 60_000, min: 1_000, max: 3_600_000 }),
    maxPending: settings.integer('WORKER_MAX_PENDING', { default: 1_000_000, min: 1, max: 100_000_000 }),
    ...readRetentions(settings),
    ...readCallbacks(settings),
    secretKey: settings.get('OPENCLAW_SECRET_KEY'),
    sessionFolders: readSessionFolders(settings),
  };
  if (config.taskDb === config.eventDb) {
    settings.wrong('WORKER_EVENT_DB', 'another file than WORKER_TASK_DB', config.eventDb);
  }
  return config;
}

function readDatabase(
  settings: Settings,
  name: string,
  { folder, usual }: { folder: DataFolder; usual: string },
) {
  const path = settings.path(name, join(folder.path, usual));
  const problem = isInFolder(folder, path) ? null : databaseProblem(path);
  if (problem !== null) settings.problem(`${name}: ${problem}.`);
  return path;
}

function readRetentions(settings: Settings) {
  const within = (min: number, max: number, fallback: number) => ({ default: fallback, min, max });
  return {
    taskRetentionMs: settings.clamped('WORKER_TASK_RETENTION_MS', within(60_000, 7 * DAY_MS, 1_200_000)),
    resultRetentionMs: settings.clamped('WORKER_RESULT_RETENTION_MS', within(60_000, 7 * DAY_MS, 1_800_000)),
    sessionRetentionMs: settings.clamped(
      'WORKER_SESSION_RETENTION_MS',
      within(60_000, 30 * DAY_MS, 1_800_000),
    ),
    eventRetentionDays: settings.clamped('WORKER_EVENT_RETENTION_DAYS', within(1, 3_650, 14)),
    maxEvents: settings.clamped('WORKER_MAX_EVENTS', within(100, 5_000_000, 2_000)),
  };
}

/** The mounts of the older system's container where they are, else the folders of this user. */
function readSessionFolders(settings: Settings) {
  const home = homedir();
  const folder = (name: string, mount: string, own: string) =>
    settings.path(name, existsSync(mount) ? mount : own);
  return {
    claude: folder('CLAUDE_PROJECTS_DIR', '/host-claude-projects', join(home, '.claude/projects')),
    codex: folder('CODEX_SESSIONS_DIR', '/host-codex-sessions', join(home, '.codex/sessions')),
    gemini: folder('GEMINI_SESSIONS_DIR', '/host-gemini-sessions', join(home, '.gemini/tmp')),
  };
}
