/** The settings of a runner, those of the AI CLIs included. No request can change one of them. */
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { isQueueName } from './http/contract/fields.ts';
import { folderProblem, isExecutable, isFolder } from './paths.ts';
import { isTaskType, TASK_TYPES } from './queue/task.ts';
import type { Settings } from './settings.ts';
import * as CLIS from './workers/agents/clis.ts';
import { type AgentSettings, DEFAULT_IDLE_MS, readCliSettings } from './workers/agents/settings.ts';
import { RUNNER_DEFAULTS, type RunnerConfig } from './workers/config.ts';
import type { Policy } from './workers/policy/policy.ts';
import { loadPolicy, PolicyFileError } from './workers/policy/policy-file.ts';

/** All but where its Task API is. */
export type RunnerSettings = Omit<RunnerConfig, 'url' | 'token'> & { agents: AgentSettings; policy: Policy };

/** The longest id that the Task API takes. */
const MAX_ID_CHARS = 200;
/** As many as one poll takes. */
const MAX_NAMES = 16;
const DAY_MS = 86_400_000;

export function readRunnerSettings(settings: Settings, dataDir: string): RunnerSettings {
  const { maxConcurrent, longPollWaitMs, pollIntervalMs, drainMs, queues, types } = RUNNER_DEFAULTS;
  const policy = readPolicy(settings, dataDir);
  return {
    ...RUNNER_DEFAULTS,
    dataDir,
    runnerId: readId(settings),
    maxConcurrent: settings.clamped('MAX_CONCURRENT', { default: maxConcurrent, min: 1, max: 50 }),
    longPollWaitMs: settings.clamped('LONG_POLL_WAIT', { default: longPollWaitMs, min: 1_000, max: 300_000 }),
    pollIntervalMs: settings.clamped('POLL_INTERVAL', { default: pollIntervalMs, min: 50, max: 60_000 }),
    queues: readNames(settings, 'RUNNER_QUEUES', isQueueName, 'names of a-z, 0-9, ".", "_", "-"') ?? queues,
    types: readNames(settings, 'RUNNER_TYPES', isTaskType, `of ${TASK_TYPES.join(', ')}`) ?? types,
    drainMs: settings.integer('RUNNER_DRAIN_MS', { default: drainMs, min: 0, max: 3_600_000 }),
    shell: readShell(settings),
    envPass: settings.list('RUNNER_ENV_PASS'),
    agents: readAgentSettings(settings, dataDir, policy),
    policy,
  };
}

/** What is wrong with its file is told with the settings; it stops the start, so nothing runs under another policy. */
function readPolicy(settings: Settings, dataDir: string): Policy {
  const name = 'RUNNER_POLICY_FILE';
  const file = settings.get(name) === undefined ? null : settings.path(name, '');
  const places = { home: homedir(), dataDir };
  try {
    return loadPolicy(file, places);
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    for (const line of error.message.split('\n')) settings.problem(`${name} (${file}): ${line}`);
    return loadPolicy(null, places);
  }
}

function readAgentSettings(settings: Settings, dataDir: string, policy: Policy): AgentSettings {
  const retention = { default: 1_800_000, min: 60_000, max: 30 * DAY_MS };
  const clis = Object.values(CLIS).map((cli) => [
    cli.label,
    readCliSettings(settings, cli, policy.agentMode(cli.label)),
  ]);
  return {
    workdir: readWorkdir(settings),
    maxTimeoutMs: settings.clamped('CC_TIMEOUT', { default: 1_200_000, min: 1_000, max: DAY_MS }),
    idleMs: settings.integer('RUNNER_AGENT_IDLE_MS', { default: DEFAULT_IDLE_MS, min: 0, max: DAY_MS }),
    sessionCacheFile: readSessionCacheFile(settings, dataDir),
    sessionRetentionMs: settings.clamped('RUNNER_SESSION_RETENTION_MS', retention),
    clis: Object.fromEntries(clis),
  };
}

/** A folder would be moved away as an unreadable cache. */
function readSessionCacheFile(settings: Settings, dataDir: string): string {
  const name = 'RUNNER_SESSION_CACHE_FILE';
  const file = settings.path(name, join(dataDir, 'session-cache.json'));
  if (settings.get(name) === undefined) return file;
  if (isFolder(file)) settings.wrong(name, 'a file', file);
  const problem = folderProblem(dirname(file));
  if (problem !== null) settings.problem(`${name}: ${problem}.`);
  return file;
}

function readWorkdir(settings: Settings): string {
  const folder = settings.path('RUNNER_WORKDIR', homedir());
  if (settings.get('RUNNER_WORKDIR') !== undefined && !isFolder(folder)) {
    settings.wrong('RUNNER_WORKDIR', 'a folder that exists', folder);
  }
  return folder;
}

function readId(settings: Settings): string | null {
  const id = settings.get('RUNNER_ID') ?? null;
  if (id !== null && id.length > MAX_ID_CHARS) {
    settings.wrong('RUNNER_ID', `at most ${MAX_ID_CHARS} characters`, id);
  }
  return id;
}

/** Comma-separated; undefined when not set. */
function readNames<T extends string>(
  settings: Settings,
  variable: string,
  isName: (text: string) => text is T,
  described: string,
): T[] | undefined {
  const names = [...new Set(settings.list(variable))];
  if (names.length === 0) return undefined;
  if (names.length <= MAX_NAMES && names.every(isName)) return names;
  settings.wrong(variable, `at most ${MAX_NAMES} ${described}`, names.join(','));
  return undefined;
}

/** A name without a slash is looked for on PATH. */
function readShell(settings: Settings): string | null {
  const given = settings.get('RUNNER_SHELL');
  if (given === undefined) return null;
  const shell = settings.program('RUNNER_SHELL', given);
  const folders = shell.includes('/') ? [''] : (settings.get('PATH') ?? '').split(delimiter);
  if (!folders.some((folder) => isExecutable(join(folder, shell)))) {
    settings.wrong('RUNNER_SHELL', 'an executable', given);
  }
  return shell;
}
