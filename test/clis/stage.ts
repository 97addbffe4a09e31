/** A real CLI under our executors: a home folder and a fake model API of its own, and no way to any other network. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { AgentPayload, PolledTask } from '../../src/http/contract/payload.ts';
import type { AgentType } from '../../src/queue/task.ts';
import { createAgents } from '../../src/workers/agents/agent-executor.ts';
import type { AgentSettings, CliSettings } from '../../src/workers/agents/settings.ts';
import type { ExecutionContext, ExecutionResult } from '../../src/workers/executor.ts';
import { Mask } from '../../src/workers/mask.ts';
import type { ProcessOutcome } from '../../src/workers/process.ts';
import { contextOf } from '../../src/workers/work.ts';
import { silentLog } from '../support/log-lines.ts';
import { aPolicy } from '../support/policy.ts';
import { anthropic } from './fake/anthropic.ts';
import { google } from './fake/gemini.ts';
import { type Dialect, FakeModelApi } from './fake/model-api.ts';
import { openai } from './fake/openai.ts';
import { installedClis } from './install.ts';

export const CLIS = ['claude', 'codex', 'gemini'] as const;
export type Cli = (typeof CLIS)[number];

const DIALECTS: Record<Cli, Dialect> = { claude: anthropic, codex: openai, gemini: google };

/** The least that they may do, as a runner has it without settings. */
const MODES: Record<Cli, string> = { claude: 'dontAsk', codex: 'read-only', gemini: 'default' };

/** Nobody listens there: what does not go to loopback goes nowhere. */
const DEAD_PROXY = 'http://127.0.0.1:1';

export interface Stage {
  home: string;
  workdir: string;
  api: FakeModelApi;
  /** How each process of the CLI ended, raw. */
  outcomes: ProcessOutcome[];
  ask(task: Partial<AgentPayload>, signal?: AbortSignal): Promise<ExecutionResult>;
  /** The runner starts anew: what it knows, it has read. */
  restart(): void;
  /** As `restart`, with a session of the CLI in the cache that stands behind the client's id `chat`. */
  restartKnowing(sessionId: string): void;
  /** All living processes that were started here, whatever group or session they are in. */
  processes(): number[];
  close(): Promise<void>;
}

export interface StageOptions {
  settings?: { [Key in Cli]?: Partial<CliSettings> };
  env?: Record<string, string>;
  /** Put before the arguments that our provider gives. */
  args?: string[];
}

export async function openStage(cli: Cli, options: StageOptions = {}): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-runner-clis-home-'));
  const workdir = join(home, 'project');
  const tmp = join(home, 'tmp');
  for (const folder of [workdir, tmp]) mkdirSync(folder);
  const api = await FakeModelApi.start(DIALECTS[cli]);
  const env = { ...environmentOf(home, api.url), TMPDIR: tmp, ...options.env };
  configure(home, api.url);
  const settings = settingsIn(home, workdir, options.settings);
  const lent = { clock: systemClock, log: silentLog(), env };
  const start = () => createAgents(settings, { ...lent, home }).executors;
  const outcomes: ProcessOutcome[] = [];
  let executors = start();
  const context = (signal: AbortSignal): ExecutionContext => {
    const base = contextOf(
      { signal, leaseId: 'lease-1', task: { type: `${cli}-cli` } },
      { ...lent, ...LIMITS, policy: aPolicy(), ...NOTHING_HELD },
      () => {},
    );
    const run: ExecutionContext['run'] = async (command) => {
      if (command.args.includes('--version')) return base.run(command);
      const args = [...(options.args ?? []), ...command.args];
      const outcome = await base.run({ ...command, args });
      outcomes.push(outcome);
      return outcome;
    };
    return { ...base, run };
  };
  const restart = () => {
    executors = start();
  };
  return {
    home,
    workdir,
    api,
    outcomes,
    ask: async (task, signal = new AbortController().signal) => {
      const execute = executors[`${cli}-cli`];
      if (execute === undefined) throw new Error(`there is no ${cli}`);
      return execute(polledTask(`${cli}-cli`, task), context(signal));
    },
    restart,
    restartKnowing: (sessionId) => {
      const session = { type: `${cli}-cli`, sessionId, taskApiId: 'chat', answered: true };
      write(settings.sessionCacheFile, JSON.stringify([{ ...session, lastActivity: Date.now() }]));
      restart();
    },
    processes: () => processesWith(`HOME=${home}`),
    close: async () => {
      for (const pid of processesWith(`HOME=${home}`)) process.kill(pid, 'SIGKILL');
      await api.stop();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** No pauses, no secrets. */
const NOTHING_HELD = { pauses: { heard: () => {}, has: () => false }, mask: new Mask([]) };
const LIMITS = {
  killGraceMs: 10_000,
  outputLimitBytes: 4_000_000,
  /** What the owner of a runner would name in RUNNER_ENV_PASS. */
  envPass: ['CLAUDE_CODE_MAX_RETRIES'],
  fitness: { tried: () => {}, isUnfitFor: () => false, problem: null },
};

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
  write(join(home, '.claude', 'settings.json'), JSON.stringify({ model: 'claude-sonnet-4-5' }));
  write(join(home, '.codex', 'config.toml'), codexConfig(url));
  write(join(home, '.gemini', 'settings.json'), JSON.stringify(GEMINI_SETTINGS));
}

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

function settingsIn(home: string, workdir: string, changes: StageOptions['settings'] = {}): AgentSettings {
  const usual = (cli: Cli) => ({
    path: join(installedClis(), cli),
    models: [],
    mode: MODES[cli],
    replyHint: null,
  });
  return {
    workdir,
    maxTimeoutMs: 1_200_000,
    idleMs: 0,
    sessionCacheFile: join(home, 'data', 'session-cache.json'),
    sessionRetentionMs: 1_800_000,
    clis: Object.fromEntries(CLIS.map((cli) => [cli, { ...usual(cli), ...changes[cli] }])),
  };
}

function polledTask(type: AgentType, task: Partial<AgentPayload>): PolledTask {
  return {
    id: 'task-1',
    status: 'running',
    createdAt: 0,
    startedAt: 0,
    completedAt: null,
    type,
    prompt: 'hello',
    timeout: 120_000,
    sessionId: 'chat',
    callbackChannel: null,
    callbackBotToken: null,
    origin: 'test',
    dispatchMode: 'unspecified',
    responseMode: 'direct-callback',
    entrypoint: null,
    ...task,
  };
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
