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
import { findShell } from './workers/executors/shell.ts';
import type { IsolationSettings } from './workers/isolation/isolation.ts';
import { findTaskUser, type TaskUser } from './workers/isolation/task-user.ts';
import { platform } from './workers/platform/index.ts';
import type { Policy } from './workers/policy/policy.ts';
import { loadPolicy, PolicyFileError } from './workers/policy/policy-file.ts';

/** All but where its Task API is. */
export type RunnerSettings = Omit<RunnerConfig, 'url' | 'token'> & {
  agents: AgentSettings;
  policy: Policy;
  isolation: IsolationSettings;
};

/** The longest id that the Task API takes. */
const MAX_ID_CHARS = 200;
/** As many as one poll takes. */
const MAX_NAMES = 16;
const DAY_MS = 86_400_000;

export function readRunnerSettings(settings: Settings, dataDir: string): RunnerSettings {
  const { maxConcurrent, longPollWaitMs, pollIntervalMs, drainMs, queues, types } = RUNNER_DEFAULTS;
  const isolation = readIsolation(settings);
  const home = isolation.user?.home ?? homedir();
  const policy = readPolicy(settings, { home, dataDir });
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
    shell: readShell(settings) ?? (isolation.user && shellOf(isolation.user)),
    envPass: settings.list('RUNNER_ENV_PASS'),
    agents: readAgentSettings(settings, { home, dataDir, policy }),
    policy,
    isolation,
  };
}

/** Tasks' home, and the runner's own folder. */
interface Places {
  home: string;
  dataDir: string;
}

/** What can't be kept apart as it was asked for is not run at all. */
function readIsolation(settings: Settings): IsolationSettings {
  const [userName, sandboxName] = ['RUNNER_TASK_USER', 'RUNNER_SANDBOX'] as const;
  const sandbox = settings.choice(sandboxName, ['none', 'bwrap'], 'none');
  const named = settings.get(userName)?.trim();
  for (const [name, isAsked] of [
    [userName, named !== undefined],
    [sandboxName, sandbox !== 'none'],
  ] as const)
    if (isAsked && !platform.isolates) settings.problem(`${name}: this works on Linux only.`);
  const user = named === undefined ? null : readTaskUser(settings, userName, named);
  return { user, sandbox: sandbox === 'none' ? null : sandbox };
}

function readTaskUser(settings: Settings, name: string, given: string): TaskUser | null {
  const user = findTaskUser(given);
  if (user === null) settings.wrong(name, 'a user of this machine, by name or number', given);
  else if (user.uid === 0) settings.wrong(name, 'another user than root', given);
  else if (process.getuid?.() !== 0)
    settings.problem(`${name}: only a runner that root starts can run tasks as another user; leave it out.`);
  return user;
}

function shellOf({ shell }: TaskUser): string {
  return findShell({ platform, override: null, env: {}, login: () => shell });
}

/** What is wrong with its file is told with the settings; it stops the start, so nothing runs under another policy. */
function readPolicy(settings: Settings, places: Places): Policy {
  const name = 'RUNNER_POLICY_FILE';
  const file = settings.get(name) === undefined ? null : settings.path(name, '');
  try {
    return loadPolicy(file, places);
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    for (const line of error.message.split('\n'))
      settings.problem(`${name} (${file}): ${line}. Mend it there; "openclaw-runner policy check" tries it.`);
    return loadPolicy(null, places);
  }
}

function readAgentSettings(
  settings: Settings,
  { home, dataDir, policy }: Places & { policy: Policy },
): AgentSettings {
  const retention = { default: 1_800_000, min: 60_000, max: 30 * DAY_MS };
  const clis = Object.values(CLIS).map((cli) => [
    cli.label,
    readCliSettings(settings, cli, policy.agentMode(cli.label)),
  ]);
  return {
    workdir: readWorkdir(settings, home),
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

function readWorkdir(settings: Settings, home: string): string {
  const folder = settings.path('RUNNER_WORKDIR', home);
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
