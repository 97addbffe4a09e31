import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  readDataFolder,
  readLogLevel,
  readServiceToken,
  readTaskApiConfig,
  readUrl,
} from '../../src/config.ts';
import { TASK_TYPES } from '../../src/queue/task.ts';
import { readRunnerSettings } from '../../src/runner-config.ts';
import { type Environment, Settings } from '../../src/settings.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TOKEN = 'a-token-for-the-unit-tests';
const DATA = '/somewhere/data';

function taskApi(env: Environment) {
  const settings = new Settings({ OPENCLAW_RUNNER_HOME: DATA, ...env });
  const config = readTaskApiConfig(settings, readDataFolder(settings));
  settings.check();
  return config;
}

function runner(env: Environment) {
  const settings = new Settings(env);
  const config = readRunnerSettings(settings, DATA);
  settings.check();
  return config;
}

/** The lines of the error that everything wrong in `env` comes to. */
function problems(env: Environment): string[] {
  const settings = new Settings(env);
  readServiceToken(settings);
  readTaskApiConfig(settings, readDataFolder(settings));
  readRunnerSettings(settings, DATA);
  readUrl(settings);
  readLogLevel(settings);
  try {
    settings.check();
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

describe('with nothing set', () => {
  it('the Task API listens on 127.0.0.1:3456 and keeps the bounds of the older system', () => {
    expect(taskApi({})).toMatchObject({
      host: '127.0.0.1',
      port: 3456,
      taskDb: join(DATA, 'tasks.db'),
      eventDb: join(DATA, 'events.db'),
      leaseMs: 60_000,
      taskRetentionMs: 1_200_000,
      resultRetentionMs: 1_800_000,
      sessionRetentionMs: 1_800_000,
      eventRetentionDays: 14,
      maxEvents: 2_000,
      callbackDelivery: 'api',
      callbackBaseUrl: 'https://discord.com/api/v10',
      callbackToken: null,
    });
  });

  it('the runner runs five tasks at once in the login shell, and the AI CLIs with the least rights', () => {
    expect(runner({})).toMatchObject({
      runnerId: null,
      maxConcurrent: 5,
      longPollWaitMs: 30_000,
      pollIntervalMs: 500,
      drainMs: 30_000,
      shell: null,
      agents: {
        workdir: homedir(),
        maxTimeoutMs: 1_200_000,
        sessionCacheFile: join(DATA, 'session-cache.json'),
        idleMs: 600_000,
        clis: {
          claude: { path: 'claude', models: [], mode: 'dontAsk', replyHint: null },
          codex: { path: 'codex', models: [], mode: 'read-only', replyHint: null },
          gemini: { path: 'gemini', models: [], mode: 'default', replyHint: expect.any(String) },
        },
      },
    });
  });

  it('the data folder is ~/.openclaw-runner', () => {
    expect(readDataFolder(new Settings({})).path).toBe(join(homedir(), '.openclaw-runner'));
  });

  it('the token alone is missed', () => {
    expect(problems({})).toEqual([expect.stringContaining('WORKER_TOKEN is not set or too weak')]);
    expect(problems({ WORKER_TOKEN: TOKEN })).toEqual([]);
  });

  it('an empty value counts as not set', () => {
    expect(problems({ WORKER_TOKEN: TOKEN, WORKER_PORT: '', WORKER_LEASE_MS: '', LOG_LEVEL: '' })).toEqual(
      [],
    );
  });
});

describe('numbers of the older system', () => {
  const cases: [name: string, key: keyof ReturnType<typeof taskApi>, min: number, max: number][] = [
    ['WORKER_TASK_RETENTION_MS', 'taskRetentionMs', 60_000, 604_800_000],
    ['WORKER_RESULT_RETENTION_MS', 'resultRetentionMs', 60_000, 604_800_000],
    ['WORKER_SESSION_RETENTION_MS', 'sessionRetentionMs', 60_000, 2_592_000_000],
    ['WORKER_EVENT_RETENTION_DAYS', 'eventRetentionDays', 1, 3_650],
    ['WORKER_MAX_EVENTS', 'maxEvents', 100, 5_000_000],
  ];

  it.each(cases)('%s is clamped', (name, key, min, max) => {
    expect(taskApi({ [name]: '-1' })[key]).toBe(min);
    expect(taskApi({ [name]: '99999999999' })[key]).toBe(max);
    expect(taskApi({ [name]: String(min + 1) })[key]).toBe(min + 1);
  });

  it.each(cases)('%s that is no number is the default', (name, key) => {
    expect(taskApi({ [name]: 'many' })[key]).toBe(taskApi({})[key]);
  });

  it("the runner's are clamped, too", () => {
    const low = runner({ MAX_CONCURRENT: '0', LONG_POLL_WAIT: '1', POLL_INTERVAL: '1', CC_TIMEOUT: '1' });
    expect(low).toMatchObject({ maxConcurrent: 1, longPollWaitMs: 1_000, pollIntervalMs: 50 });
    expect(low.agents.maxTimeoutMs).toBe(1_000);
    const high = runner({ MAX_CONCURRENT: '99', LONG_POLL_WAIT: '999999', POLL_INTERVAL: '999999' });
    expect(high).toMatchObject({ maxConcurrent: 50, longPollWaitMs: 300_000, pollIntervalMs: 60_000 });
    expect(runner({ MAX_CONCURRENT: 'many' }).maxConcurrent).toBe(5);
  });
});

describe('the port', () => {
  it('is WORKER_PORT before PORT', () => {
    expect(taskApi({ WORKER_PORT: '4000', PORT: '5000' }).port).toBe(4000);
    expect(taskApi({ PORT: '5000' }).port).toBe(5000);
  });

  it('may be 0, for a free one', () => {
    expect(taskApi({ WORKER_PORT: '0', PORT: '5000' }).port).toBe(0);
  });

  it.each(['65536', '-1', '80.5', 'http', '0x'])('is never %j', (port) => {
    expect(() => taskApi({ WORKER_PORT: port })).toThrow(
      `WORKER_PORT: expected an integer from 0 to 65535, got ${JSON.stringify(port)}.`,
    );
    expect(() => taskApi({ PORT: port })).toThrow(/^PORT: expected/);
  });
});

describe('older names', () => {
  it('of Discord are taken where the newer ones are not set', () => {
    const older = { DISCORD_BOT_TOKEN: 'old', DISCORD_API_BASE_URL: 'http://old/' };
    expect(taskApi(older)).toMatchObject({ callbackToken: 'old', callbackBaseUrl: 'http://old' });
    const both = { ...older, CALLBACK_BOT_TOKEN: 'new', CALLBACK_API_BASE_URL: 'http://new/api' };
    expect(taskApi(both)).toMatchObject({ callbackToken: 'new', callbackBaseUrl: 'http://new/api' });
  });
});

describe('paths', () => {
  it('know the home folder', () => {
    expect(taskApi({ WORKER_TASK_DB: '~/tasks.db' }).taskDb).toBe(join(homedir(), 'tasks.db'));
    expect(readDataFolder(new Settings({ OPENCLAW_RUNNER_HOME: '~' })).path).toBe(homedir());
  });

  it('are absolute, wherever the process goes', () => {
    expect(taskApi({ WORKER_TASK_DB: 'tasks.db' }).taskDb).toBe(join(process.cwd(), 'tasks.db'));
  });

  it('of a program may be a name, to be found on PATH', () => {
    expect(runner({ CLAUDE_PATH: 'claude-next' }).agents.clis.claude?.path).toBe('claude-next');
    expect(runner({ CLAUDE_PATH: '~/bin/claude' }).agents.clis.claude?.path).toBe(
      join(homedir(), 'bin/claude'),
    );
  });
});

describe('the AI CLIs', () => {
  it('are given models in order', () => {
    expect(runner({ CLAUDE_MODELS: 'opus, sonnet,,haiku' }).agents.clis.claude?.models).toEqual([
      'opus',
      'sonnet',
      'haiku',
    ]);
  });

  it('get more rights only by name', () => {
    const { claude, codex, gemini } = runner({
      RUNNER_CLAUDE_PERMISSION_MODE: 'acceptEdits',
      RUNNER_CODEX_SANDBOX: 'workspace-write',
      RUNNER_GEMINI_APPROVAL_MODE: 'auto_edit',
    }).agents.clis;
    expect(claude?.mode).toBe('acceptEdits');
    expect(codex?.mode).toBe('workspace-write');
    expect(gemini?.mode).toBe('auto_edit');
  });

  it.each([
    ['claude', 'RUNNER_CLAUDE_PERMISSION_MODE', 'bypassPermissions'],
    ['codex', 'RUNNER_CODEX_SANDBOX', 'danger-full-access'],
    ['gemini', 'RUNNER_GEMINI_APPROVAL_MODE', 'yolo'],
  ])('go past the checks of %s only where the policy file says so', (label, setting, mode) => {
    const line = JSON.stringify({ agents: { [label]: { mode } } });
    const refusal = `${setting}: ${mode} is opened by the policy file alone; put ${line} into the file of RUNNER_POLICY_FILE.`;
    expect(() => runner({ [setting]: mode })).toThrow(refusal);
    const file = join(tempFolder(), 'policy.json');
    writeFileSync(file, '{}');
    expect(() => runner({ [setting]: mode, RUNNER_POLICY_FILE: file })).toThrow(refusal);
    writeFileSync(file, line);
    expect(runner({ RUNNER_POLICY_FILE: file }).agents.clis[label]?.mode).toBe(mode);
    expect(runner({ RUNNER_POLICY_FILE: file, [setting]: mode }).agents.clis[label]?.mode).toBe(mode);
  });

  it('of Gemini hear no hint when it is off', () => {
    expect(runner({}).agents.clis.gemini?.replyHint).toContain('directly');
    expect(runner({ GEMINI_REPLY_HINT: 'off' }).agents.clis.gemini?.replyHint).toBeNull();
    expect(runner({ GEMINI_REPLY_HINT: 'Be brief.' }).agents.clis.gemini?.replyHint).toBe('Be brief.');
  });
});

describe('tasks kept apart from the runner', () => {
  const onLinux = it.skipIf(process.platform !== 'linux');

  it('are none, unless it is said', () => {
    expect(runner({}).isolation).toEqual({ user: null, sandbox: null });
  });

  onLinux('are those of another user, for root alone, with the home and the shell of that user', () => {
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(0);
    onTestFinished(() => getuid.mockRestore());
    const { isolation, policy, agents, shell } = runner({
      RUNNER_TASK_USER: 'daemon',
      RUNNER_SANDBOX: 'bwrap',
    });
    expect(isolation).toMatchObject({ user: { name: 'daemon' }, sandbox: 'bwrap' });
    expect([policy.place('~'), agents.workdir]).toEqual([isolation.user?.home, isolation.user?.home]);
    expect(shell).toBe('/bin/sh');
    expect(runner({ RUNNER_TASK_USER: String(isolation.user?.uid) }).isolation.user?.name).toBe('daemon');
    getuid.mockReturnValue(1000);
    expect(() => runner({ RUNNER_TASK_USER: 'daemon' })).toThrow(
      'RUNNER_TASK_USER: only a runner that root starts can run tasks as another user; leave it out.',
    );
  });

  onLinux('are refused for who is not there, and for root', () => {
    expect(() => runner({ RUNNER_TASK_USER: 'root' })).toThrow(
      /RUNNER_TASK_USER: expected another user than root/,
    );
    for (const name of ['nobody-of-this-name', '-h'])
      expect(() => runner({ RUNNER_TASK_USER: name })).toThrow(
        /RUNNER_TASK_USER: expected a user of this machine/,
      );
    expect(() => runner({ RUNNER_SANDBOX: 'docker' })).toThrow(/RUNNER_SANDBOX: expected one of none, bwrap/);
  });
});

describe('what a runner takes', () => {
  it('is the default queue and every type, unless it is said', () => {
    for (const unsaid of [{}, { RUNNER_QUEUES: ' , ', RUNNER_TYPES: '' }])
      expect(runner(unsaid)).toMatchObject({ queues: ['default'], types: TASK_TYPES });
  });

  it('is a list of queues and of types', () => {
    const { queues, types } = runner({
      RUNNER_QUEUES: 'gpu, default,gpu',
      RUNNER_TYPES: 'command,claude-cli',
    });
    expect({ queues, types }).toEqual({ queues: ['gpu', 'default'], types: ['command', 'claude-cli'] });
  });

  it.each([
    ['RUNNER_QUEUES', 'GPU'],
    ['RUNNER_QUEUES', Array.from({ length: 17 }, (_, n) => `q${n}`).join(',')],
    ['RUNNER_TYPES', 'claude'],
  ])('is refused as a whole where one name is wrong: %s=%s', (name, value) => {
    expect(() => runner({ [name]: value })).toThrow(new RegExp(`^${name}: expected at most 16 .+, got`));
  });
});

describe('what is wrong', () => {
  const WRONG = {
    WORKER_PORT: '99999',
    WORKER_LEASE_MS: 'soon',
    CALLBACK_DELIVERY: 'pigeon',
    CALLBACK_API_BASE_URL: 'ftp://someone:secret@chat.example',
    WORKER_URL: 'localhost:3456',
    RUNNER_DRAIN_MS: '-5',
    RUNNER_SHELL: '/no/such/shell',
    RUNNER_WORKDIR: '/no/such/folder',
    RUNNER_ID: 'x'.repeat(201),
    RUNNER_QUEUES: 'default,GPU',
    RUNNER_TYPES: 'claude',
    RUNNER_CODEX_SANDBOX: 'none',
    RUNNER_AGENT_IDLE_MS: '10m',
    LOG_LEVEL: 'loud',
  };

  it('is told all at once, a line for each, with the variable and what it should be', () => {
    const lines = problems({ WORKER_TOKEN: 'short', ...WRONG });
    expect(lines).toHaveLength(Object.keys(WRONG).length + 1);
    for (const name of Object.keys(WRONG)) {
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${name}: expected .+, got .+\\.$`)));
    }
    expect(lines).toContain('CALLBACK_DELIVERY: expected one of api, runner, got "pigeon".');
  });

  it('never shows a secret', () => {
    const secret = 'hunter2\u00e9hunter2hunter2';
    const told = problems({ ...WRONG, WORKER_TOKEN: secret, OPENCLAW_SECRET_KEY: secret }).join('\n');
    expect(told).not.toContain('hunter2');
    expect(told).not.toContain('someone');
    expect(told).toContain('ftp://[secret]@chat.example');
  });

  it('includes one file for tasks and events', () => {
    const path = join(tempFolder(), 'one.db');
    expect(() => taskApi({ WORKER_TASK_DB: path, WORKER_EVENT_DB: path })).toThrow(
      /^WORKER_EVENT_DB: expected/,
    );
  });
});
