/** A real CLI under our executors: a home folder and a fake model API of its own, and no way to any other network. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { AgentPayload } from '../../src/http/contract/payload.ts';
import { createAgents } from '../../src/workers/agents/agent-executor.ts';
import { claude, codex, gemini } from '../../src/workers/agents/clis.ts';
import type { AgentSettings, CliSettings } from '../../src/workers/agents/settings.ts';
import type { ChildCommand, ExecutionResult } from '../../src/workers/executor.ts';
import type { ProcessOutcome } from '../../src/workers/process.ts';
import { lentContext, polledTask } from '../support/agents.ts';
import { silentLog } from '../support/log-lines.ts';
import { anthropic } from './fake/anthropic.ts';
import { google } from './fake/gemini.ts';
import { type Dialect, FakeModelApi } from './fake/model-api.ts';
import { openai } from './fake/openai.ts';
import { installedClis } from './install.ts';

export const CLIS = ['claude', 'codex', 'gemini'] as const;
export type Cli = (typeof CLIS)[number];

const PROVIDERS = { claude, codex, gemini };
const DIALECTS: Record<Cli, Dialect> = { claude: anthropic, codex: openai, gemini: google };

/** Nobody listens there: what does not go to loopback goes nowhere. */
const DEAD_PROXY = 'http://127.0.0.1:1';

export interface Stage {
  home: string;
  workdir: string;
  api: FakeModelApi;
  /** How each process of the CLI ended, raw. */
  outcomes: ProcessOutcome[];
  /** What they have printed on stdout so far. */
  lines: string[];
  ask(task: Partial<AgentPayload>, signal?: AbortSignal): Promise<ExecutionResult>;
  /** The runner starts anew: what it knows, it has read. */
  restart(): void;
  /** As `restart`, with a session of the CLI in the cache that stands behind the client's id `chat`. */
  restartKnowing(sessionId: string): void;
  /** The sessions on disk, by the part of their id that the names of their files have. */
  sessions(): Set<string>;
  /** Whether these words stand in a session file. */
  isOnDisk(words: string): boolean;
  /** All living processes that were started here, whatever group or session they are in. */
  processes(): number[];
  /** Sends all of them SIGKILL. */
  kill(): void;
  close(): Promise<void>;
}

export interface StageOptions {
  settings?: Partial<CliSettings>;
  env?: Record<string, string>;
  /** Put before the arguments that our provider gives. */
  args?: string[];
  /** Let it run to its end though it took up another session than it should: a recording has all that it says. */
  uncut?: true;
}

export async function openStage(cli: Cli, options: StageOptions = {}): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-runner-clis-home-'));
  const workdir = join(home, 'project');
  const tmp = join(home, 'tmp');
  for (const folder of [workdir, tmp]) mkdirSync(folder);
  const api = await FakeModelApi.start(DIALECTS[cli]);
  const env = { ...environmentOf(home, api.url), TMPDIR: tmp, ...options.env };
  configure(home, api.url);
  const settings = settingsIn(home, workdir, { cli, ...options.settings });
  const deps = { clock: systemClock, log: silentLog(), env };
  const outcomes: ProcessOutcome[] = [];
  const lines: string[] = [];
  const start = () => createAgents(settings, { ...deps, home }).executors[`${cli}-cli`]!;
  let executor = start();
  const store = PROVIDERS[cli].sessions;
  const sessionFiles = () => filesBelow(store.folder(env, home)).filter(({ name }) => store.name.test(name));
  const processes = () => processesWith(`HOME=${home}`);
  const kill = () => {
    for (const pid of processes()) killOne(pid);
  };
  const restart = () => {
    executor = start();
  };
  return {
    home,
    workdir,
    api,
    outcomes,
    lines,
    ask: (task, signal = new AbortController().signal) => {
      const lent = lentContext(`${cli}-cli`, { ...deps, signal, envPass: PASSED });
      const run = async (command: ChildCommand) => {
        const args = [...(options.args ?? []), ...command.args];
        // Asked for its version: no run of the task.
        if (command.stdin === undefined) return lent.run(command);
        const onStdoutLine = (line: string) => {
          lines.push(line);
          command.onStdoutLine?.(line);
        };
        const { stop, ...uncut } = { ...command, args, onStdoutLine };
        const outcome = await lent.run(options.uncut || stop === undefined ? uncut : { ...uncut, stop });
        outcomes.push(outcome);
        return outcome;
      };
      return executor(polledTask(`${cli}-cli`, task), { ...lent, run });
    },
    restart,
    restartKnowing: (sessionId) => {
      const session = { type: `${cli}-cli`, sessionId, taskApiId: 'chat', answered: true };
      write(settings.sessionCacheFile, JSON.stringify([{ ...session, lastActivity: Date.now() }]));
      restart();
    },
    sessions: () => new Set(sessionFiles().map(({ name }) => store.name.exec(name)?.[1] ?? name)),
    isOnDisk: (words) => sessionFiles().some(({ path }) => readFileSync(path, 'utf8').includes(words)),
    processes,
    kill,
    close: async () => {
      kill();
      await api.stop();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What the owner of a runner would name in RUNNER_ENV_PASS. */
const PASSED = ['CLAUDE_CODE_MAX_RETRIES'];

function environmentOf(home: string, url: string): Record<string, string> {
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    HTTP_PROXY: DEAD_PROXY,
    HTTPS_PROXY: DEAD_PROXY,
    ALL_PROXY: DEAD_PROXY,
    NO_PROXY: '127.0.0.1,localhost',
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'sk-ant-fake',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_TELEMETRY: '1',
    OPENAI_API_KEY: 'sk-fake',
    GEMINI_API_KEY: 'fake',
    GOOGLE_GEMINI_BASE_URL: url,
  };
}

/** The CLIs' own settings: which API, no telemetry, no update. */
function configure(home: string, url: string): void {
  write(join(home, '.claude', 'settings.json'), JSON.stringify(CLAUDE_SETTINGS));
  write(join(home, '.codex', 'config.toml'), codexConfig(url));
  write(join(home, '.gemini', 'settings.json'), JSON.stringify(GEMINI_SETTINGS));
}

/** The shell may run what is below the home folder's `endless`. */
const CLAUDE_SETTINGS = { model: 'claude-sonnet-4-5', permissions: { allow: ['Bash(/**/endless)'] } };

function codexConfig(url: string): string {
  return `model = "gpt-5"
model_provider = "fake"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.fake]
name = "fake"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = 1
stream_max_retries = 1
`;
}

const GEMINI_SETTINGS = {
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, disableAutoUpdate: true },
  model: { name: 'gemini-2.5-flash' },
  privacy: { usageStatisticsEnabled: false },
  security: { auth: { selectedType: 'gemini-api-key' } },
  telemetry: { enabled: false },
};

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function settingsIn(
  home: string,
  workdir: string,
  { cli, ...changes }: { cli: Cli } & Partial<CliSettings>,
): AgentSettings {
  const path = join(installedClis(), cli);
  const mode = PROVIDERS[cli].mode.fallback;
  return {
    workdir,
    maxTimeoutMs: 1_200_000,
    idleMs: 0,
    sessionCacheFile: join(home, 'data', 'session-cache.json'),
    sessionRetentionMs: 1_800_000,
    clis: { [cli]: { path, models: [], mode, replyHint: null, ...changes } },
  };
}

function filesBelow(folder: string): { name: string; path: string }[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => ({ name, path: join(parentPath, name) }));
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** The living processes with this in the environment that they were started with. */
function processesWith(entry: string): number[] {
  const started = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(entry);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && started(name))
    .map(Number);
}
