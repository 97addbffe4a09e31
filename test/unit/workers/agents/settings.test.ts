import { expect, it } from 'vitest';
import { Settings } from '../../../../src/settings.ts';
import { DEFAULT_REPLY_HINT, readAgentSettings } from '../../../../src/workers/agents/settings.ts';

function read(env: Record<string, string>) {
  const settings = new Settings(env);
  const agents = readAgentSettings(settings, { home: '/home/ada', cacheFile: '/data/session-cache.json' });
  settings.check();
  return agents;
}

it('gives the CLIs the least privilege when nothing is said', () => {
  expect(read({})).toEqual({
    workdir: '/home/ada',
    maxTimeoutMs: 1_200_000,
    sessionCacheFile: '/data/session-cache.json',
    sessionRetentionMs: 1_800_000,
    claude: { path: 'claude', models: [], permissionMode: 'dontAsk' },
    codex: { path: 'codex', models: [], sandbox: 'read-only' },
    gemini: { path: 'gemini', models: [], approvalMode: 'default', replyHint: DEFAULT_REPLY_HINT },
  });
});

it('takes what the owner of the machine says', () => {
  const agents = read({
    RUNNER_WORKDIR: '/work',
    CC_TIMEOUT: '60000',
    CLAUDE_PATH: '/opt/claude',
    CLAUDE_MODELS: 'opus, sonnet',
    CLAUDE_PERMISSION_MODE: 'bypassPermissions',
    CODEX_PATH: 'codex-beta',
    CODEX_SANDBOX: 'workspace-write',
    GEMINI_APPROVAL_MODE: 'auto_edit',
    GEMINI_REPLY_HINT: 'off',
  });
  expect(agents).toMatchObject({ workdir: '/work', maxTimeoutMs: 60_000 });
  expect(agents.claude).toEqual({
    path: '/opt/claude',
    models: ['opus', 'sonnet'],
    permissionMode: 'bypassPermissions',
  });
  expect(agents.codex).toMatchObject({ path: 'codex-beta', sandbox: 'workspace-write' });
  expect(agents.gemini).toMatchObject({ approvalMode: 'auto_edit', replyHint: null });
});

it('refuses a mode that it does not know rather than guess what was meant', () => {
  const env = { CLAUDE_PERMISSION_MODE: 'yolo', CODEX_SANDBOX: 'none', GEMINI_APPROVAL_MODE: 'YOLO' };
  expect(() => read(env)).toThrow(/CLAUDE_PERMISSION_MODE.*\nCODEX_SANDBOX.*\nGEMINI_APPROVAL_MODE/);
});
