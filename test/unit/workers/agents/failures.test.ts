import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentType } from '../../../../src/queue/task.ts';
import { Unfit } from '../../../../src/workers/work.ts';
import { scriptedCli, setUpAgents } from '../../../support/agents.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** What the real CLIs were seen to say when they fail (claude 2.1.330, codex 0.169.0, gemini 0.61.0), and what is made of it. */

const RESET = Date.UTC(2026, 10, 23, 1, 1);

type Told = Parameters<typeof scriptedCli>[0];

const claudeFails = (result: object, before: unknown[] = []): Told => ({
  lines: [...before, { type: 'result', subtype: 'success', is_error: true, ...result }],
  code: 1,
});
const claudeSays = (error: string) => ({
  type: 'assistant',
  is_api_error_message: true,
  error,
  message: { content: [{ type: 'text', text: 'API Error' }] },
});
const codexFails = (message: string): Told => ({
  lines: [{ type: 'turn.failed', error: { message } }],
  code: 1,
});
const geminiFails = (message: string, code: number): Told => ({
  lines: [{ type: 'result', status: 'error', error: { type: 'unknown', message } }],
  code,
});
const limit = (status: string) => ({
  type: 'rate_limit_event',
  rate_limit_info: { status, resetsAt: RESET / 1_000, rateLimitType: 'five_hour' },
});

function askOf(label: string, told: Told, changes: Parameters<typeof setUpAgents>[0] = {}) {
  const type: AgentType = `${label as 'claude'}-cli`;
  const path = scriptedCli(told);
  const { ask } = setUpAgents({ ...changes, clis: { [label]: { path } } });
  return {
    path,
    ask: (...args: Parameters<typeof ask> extends [unknown, ...infer Rest] ? Rest : never) =>
      ask(type, ...args),
  };
}

describe.each<[string, string, string, Told, RegExp]>([
  [
    'claude',
    'a refused key',
    'auth',
    claudeFails({ api_error_status: 401, result: 'Invalid API key · Fix external API key' }),
    /^claude: not signed in.*: Invalid API key/,
  ],
  [
    'claude',
    'nobody signed in',
    'auth',
    claudeFails({ result: 'Not logged in · Please run /login' }, [claudeSays('authentication_failed')]),
    /^claude: not signed in/,
  ],
  [
    'claude',
    'a denied account',
    'auth',
    claudeFails({ api_error_status: 403, result: 'Failed to authenticate. API Error: 403 no' }),
    /^claude: not signed in/,
  ],
  [
    'claude',
    'an unknown model',
    'model_unavailable',
    claudeFails({ api_error_status: 404, result: "There's an issue with the selected model (claude-nope)." }),
    /^claude: model unavailable/,
  ],
  [
    'claude',
    'too many requests',
    'rate_limit',
    claudeFails({ api_error_status: 429, result: 'API Error: Request rejected (429) · slow down' }),
    /^claude: rate limit: API Error/,
  ],
  [
    'claude',
    'an overloaded API',
    'api',
    claudeFails({ api_error_status: 529, result: 'API Error: Overloaded' }),
    /^claude: its API failed: API Error: Overloaded/,
  ],
  [
    'claude',
    'an empty account',
    'api',
    claudeFails({ api_error_status: 400, result: 'Credit balance is too low' }),
    /Credit balance is too low/,
  ],
  [
    'claude',
    'all turns taken',
    'turns',
    claudeFails({ subtype: 'error_max_turns', errors: ['Reached maximum number of turns (1)'] }),
    /^claude: the turns of the task are taken: Reached/,
  ],
  [
    'claude',
    'all money spent',
    'budget',
    claudeFails({ subtype: 'error_max_budget_usd', errors: ['Reached maximum budget ($0.00001)'] }),
    /^claude: the budget of the task is spent: Reached/,
  ],
  [
    'claude',
    'an unknown session',
    'unknown_session',
    claudeFails({ subtype: 'error_during_execution', errors: ['No conversation found with session ID: x'] }),
    /^claude: unknown session: No conv/,
  ],
  [
    'claude',
    'a refused tool',
    'refused_tool',
    claudeFails({ subtype: 'error_during_execution', errors: ['stopped'] }, [
      { type: 'system', subtype: 'permission_denied', tool_name: 'Bash' },
    ]),
    /^claude: a tool was refused: stopped/,
  ],
  [
    'codex',
    'a refused key',
    'auth',
    codexFails('unexpected status 401 Unauthorized: Incorrect API key provided, url: http://x/v1/responses'),
    /^codex: not signed in/,
  ],
  [
    'codex',
    'a plan without it',
    'auth',
    codexFails('To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.'),
    /^codex: not signed in/,
  ],
  [
    'codex',
    'an unknown model',
    'model_unavailable',
    codexFails('The model `nope` does not exist'),
    /^codex: model unavailable/,
  ],
  [
    'codex',
    'a model of other accounts',
    'model_unavailable',
    codexFails('{"detail":"The \'nope\' model is not supported when using Codex with a ChatGPT account."}'),
    /^codex: model unavailable: The 'nope'/,
  ],
  [
    'codex',
    'a model at capacity',
    'model_unavailable',
    codexFails('Selected model is at capacity. Please try a different model.'),
    /^codex: model unavailable/,
  ],
  [
    'codex',
    'too many requests',
    'rate_limit',
    codexFails('exceeded retry limit, last status: 429 Too Many Requests'),
    /^codex: rate limit: exceeded/,
  ],
  [
    'codex',
    'no quota',
    'rate_limit',
    codexFails('Quota exceeded. Check your plan and billing details.'),
    /^codex: rate limit/,
  ],
  [
    'codex',
    'a bad request',
    'api',
    codexFails('{"error":{"message":"bad thing"}}'),
    /^codex: its API failed: bad thing$/,
  ],
  [
    'codex',
    'an unknown session',
    'unknown_session',
    {
      lines: [],
      stderr: 'Error: thread/resume: thread/resume failed: no rollout found for thread id x (code -32600)\n',
      code: 1,
    },
    /^codex: unknown session: Error: thread/,
  ],
  [
    'codex',
    'a login that is over',
    'auth',
    codexFails('Your refresh token was revoked. Please log out and sign in again.'),
    /^codex: not signed in/,
  ],
  [
    'codex',
    'a model of the past',
    'model_unavailable',
    codexFails('The model `gpt-1` has been deprecated.'),
    /^codex: model unavailable/,
  ],
  [
    'codex',
    'a thread that is not found',
    'unknown_session',
    { lines: [], stderr: 'Error: thread/resume failed: thread not found: x\n', code: 1 },
    /^codex: unknown session/,
  ],
  [
    'gemini',
    'no key of the API',
    'auth',
    geminiFails(
      '[API Error: {"error":{"code":400,"message":"API Key not found. Please pass a valid API key."}}]',
      144,
    ),
    /^gemini: not signed in.*: API Key not found/,
  ],
  [
    'gemini',
    'a refused key',
    'auth',
    geminiFails('[API Error: {"error":{"code":401,"message":"no"}}]', 145),
    /^gemini: not signed in.*: no$/,
  ],
  [
    'gemini',
    'nobody signed in',
    'auth',
    { lines: [], stderr: 'Please set an Auth method in your settings.json\n', code: 41 },
    /^gemini: not signed in/,
  ],
  [
    'gemini',
    'a bad request',
    'api',
    geminiFails('[API Error: {"error":{"code":400,"message":"fake 400","status":"X"}}]', 144),
    /^gemini: its API failed: fake 400$/,
  ],
  [
    'gemini',
    'an unknown model',
    'model_unavailable',
    geminiFails('[API Error: models/gemini-nope is not found for API version v1beta]', 1),
    /^gemini: model unavailable/,
  ],
  [
    'gemini',
    'a spent quota',
    'rate_limit',
    geminiFails(
      '[API Error: You have exhausted your daily quota on this model.]\nPlease wait and try again later.',
      173,
    ),
    /^gemini: rate limit: \[API/,
  ],
  [
    'gemini',
    'too many turns',
    'turns',
    geminiFails('Reached max session turns for this session.', 53),
    /^gemini: the turns/,
  ],
  [
    'gemini',
    'an unknown session',
    'unknown_session',
    { lines: [], stderr: 'Error resuming session: No previous sessions found for this project.\n', code: 42 },
    /^gemini: unknown session/,
  ],
])('%s with %s', (label, _, cause, told, error) => {
  it(`fails, and names the cause: ${cause}`, async () => {
    const result = await askOf(label, told).ask({});
    expect(result.error).toMatch(error);
    expect(result.exitCode).toBeGreaterThan(0);
    expect(result.metadata).toMatchObject({ cause });
    if (cause === 'rate_limit') expect(result.pause).toMatchObject({ reason: 'rate limit' });
    else expect(result).not.toHaveProperty('pause');
  });
});

/** Of each recorded run the exit code and what stood on stderr. */
const OUTCOMES = JSON.parse(
  readFileSync(new URL('../../../fixtures/cli/outcomes.json', import.meta.url), 'utf8'),
);

function recorded(name: string): Told {
  const file = new URL(`../../../fixtures/cli/${name}.jsonl`, import.meta.url);
  const { exitCode: code, signal, stderr } = OUTCOMES[name];
  return { lines: readFileSync(file, 'utf8').split('\n'), stderr, code, signal };
}

/** Plays a recording to a chat behind which this session stands. */
async function resumed(name: string, sessionId: string) {
  const [label = ''] = name.split('-');
  const sessionCacheFile = join(tempFolder(), 'sessions.json');
  const known = {
    type: `${label}-cli`,
    sessionId,
    taskApiId: 'chat',
    lastActivity: Date.now(),
    answered: true,
  };
  writeFileSync(sessionCacheFile, JSON.stringify([known]));
  const result = await askOf(label, recorded(name), { sessionCacheFile }).ask({});
  return { result, cached: JSON.parse(readFileSync(sessionCacheFile, 'utf8')) };
}

describe('a recorded run', () => {
  it.each([
    ['claude-auth401', 'auth'],
    ['claude-not-logged-in', 'auth'],
    ['claude-model404', 'model_unavailable'],
    ['claude-api429', 'rate_limit'],
    ['claude-usage-limit', 'rate_limit'],
    ['claude-overloaded529', 'api'],
    ['claude-credit-too-low', 'api'],
    ['claude-max-turns', 'turns'],
    ['claude-max-budget', 'budget'],
    ['codex-api400', 'api'],
    ['codex-api429', 'rate_limit'],
    ['codex-auth401', 'auth'],
    ['codex-model-unsupported', 'model_unavailable'],
    ['codex-model404', 'model_unavailable'],
    ['codex-quota-exceeded', 'rate_limit'],
    ['codex-usage-limit', 'rate_limit'],
    ['codex-resume-missing', 'unknown_session'],
    ['gemini-auth401', 'auth'],
    ['gemini-model404', 'model_unavailable'],
    ['gemini-max-turns', 'turns'],
    ['gemini-quota-of-the-day', 'rate_limit'],
    ['gemini-quota-with-time', 'rate_limit'],
    ['gemini-resume-missing', 'unknown_session'],
  ])('%s failed for %s', async (name, cause) => {
    const [label = ''] = name.split('-');
    const { metadata, error, exitCode } = await askOf(label, recorded(name)).ask({});
    expect({ error, cause: metadata?.cause }).toEqual({ error: expect.any(String), cause });
    expect(exitCode).toBe(OUTCOMES[name].exitCode);
    expect(error).not.toMatch(/[{}]/);
  });

  it.each([
    'claude-resume',
    'claude-model-fallback',
    'claude-usage-allowed',
    'codex-resume',
    'codex-tool-denied',
    'gemini-resume',
    'gemini-tool-denied',
  ])('%s succeeded', async (name) => {
    const [label = ''] = name.split('-');
    const result = await askOf(label, recorded(name)).ask({});
    expect(result).toMatchObject({ exitCode: 0, error: null });
    expect(result.metadata).not.toHaveProperty('cause');
    expect(result).not.toHaveProperty('pause');
  });

  it.each([
    ['claude', 143, /^claude exited with code 143 without a result$/],
    ['codex', 143, /^codex was ended by SIGTERM without a result$/],
    ['gemini', 1, /^gemini exited with code 0 without a result/],
  ])(
    '%s-sigterm was ended by a signal, whatever it exits with, and can be resumed',
    async (label, code, error) => {
      const result = await askOf(label, recorded(`${label}-sigterm`)).ask({});
      expect(result).toMatchObject({
        exitCode: code,
        error: expect.stringMatching(error),
        metadata: { cause: 'cli', sessionId: '00000000-0000-4000-8000-000000000001' },
      });
    },
  );

  it('codex-new-thread took up another thread in silence, and failed by it', async () => {
    const { result, cached } = await resumed('codex-new-thread', 'chat-7');
    expect(result).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(/^codex: unknown session: it started 0{8}-.* instead of resuming chat-7$/),
      metadata: { cause: 'unknown_session' },
    });
    expect(cached).toMatchObject([{ sessionId: 'chat-7' }]);
  });

  it('claude-clear left its session for a new one, in which the chat goes on', async () => {
    const { result, cached } = await resumed('claude-clear', '00000000-0000-4000-8000-000000000003');
    const sessionId = '00000000-0000-4000-8000-000000000005';
    expect(result).toMatchObject({ exitCode: 0, error: null, metadata: { sessionId } });
    expect(cached).toMatchObject([{ sessionId, taskApiId: 'chat', answered: true }]);
  });

  it('of a Gemini without leave names the tool that it was refused', async () => {
    const { metadata } = await askOf('gemini', recorded('gemini-tool-denied')).ask({});
    expect(metadata?.permissionDenials).toEqual([{ tool_name: expect.stringMatching(/^[a-z_]+$/) }]);
  });

  it.each(['claude-usage-limit', 'codex-usage-limit', 'gemini-quota-with-time'])(
    '%s tells when the limit ends',
    async (name) => {
      const [label = ''] = name.split('-');
      const { metadata, error } = await askOf(label, recorded(name)).ask({});
      expect(metadata?.resetsAt).toEqual(expect.any(Number));
      expect(error).toMatch(/rate limit until 20\d\d-/);
    },
  );
});

describe('a rate limit', () => {
  const rejected = claudeFails(
    { api_error_status: 429, result: "You've hit your 5-hour limit · resets 1:01am (UTC)" },
    [limit('allowed'), limit('rejected')],
  );

  it('is told with the time of its end, and so its type can wait for it', async () => {
    const result = await askOf('claude', rejected).ask({});
    expect(result).toMatchObject({
      error: expect.stringContaining('rate limit until 2026-11-23T01:01:00.000Z'),
      metadata: { cause: 'rate_limit', resetsAt: RESET },
      pause: { until: RESET, reason: 'rate limit' },
    });
  });

  it('is what the last event about it says, whatever the error sounds like', async () => {
    const lines = [limit('rejected'), { type: 'result', is_error: true, result: 'odd' }];
    const { metadata } = await askOf('claude', { lines, code: 1 }).ask({});
    expect(metadata).toMatchObject({ cause: 'rate_limit', resetsAt: RESET });
  });

  it('that is over again when the answer comes is none', async () => {
    const lines = [limit('rejected'), limit('allowed'), { type: 'result', is_error: true, result: 'odd' }];
    expect((await askOf('claude', { lines, code: 1 }).ask({})).metadata).toMatchObject({ cause: 'cli' });
    const fine = [limit('rejected'), { type: 'result', is_error: false, result: 'fine' }];
    const result = await askOf('claude', { lines: fine }).ask({});
    expect(result).toMatchObject({ error: null, stdout: 'fine' });
    expect(result).not.toHaveProperty('pause');
  });

  it.each([
    [
      'codex',
      'You’ve hit your usage limit. Upgrade to Pro (https://x), visit y or try again at Nov 23rd, 2026 12:57 AM.',
      new Date(2026, 10, 23, 0, 58).getTime(),
    ],
    ['codex', 'You’ve hit your usage limit. Try again at 3:12 PM.', new Date(2026, 10, 22, 15, 13).getTime()],
    ['codex', 'You’ve hit your usage limit. Try again at 1:12 AM.', new Date(2026, 10, 23, 1, 13).getTime()],
    ['codex', 'Rate limit reached for gpt-5. Please try again in 1.5s.', Date.UTC(2026, 10, 22, 12) + 1_500],
    [
      'codex',
      "You've hit your usage limit. Try again in 3 days 4 hours 5 minutes.",
      Date.UTC(2026, 10, 25, 16, 5),
    ],
    ['gemini', '[API Error: Slow down.\nSuggested retry after 3600s.]', Date.UTC(2026, 10, 22, 13)],
    [
      'gemini',
      '[API Error: {"error":{"code":429,"message":"slow","details":[{"retryDelay": "34s"}]}}]',
      Date.UTC(2026, 10, 22, 12, 0, 34),
    ],
    ['gemini', 'quota will reset after 18h55m32s.', Date.UTC(2026, 10, 23, 6, 55, 32)],
    ['gemini', 'You have exhausted your daily quota on this model.', undefined],
    ['claude', "You've hit your 5-hour limit · resets 1:01am (UTC)", Date.UTC(2026, 10, 23, 1, 2)],
    [
      'claude',
      "You've hit your weekly limit · resets Nov 25, 3pm (Europe/Berlin)",
      Date.UTC(2026, 10, 25, 14, 1),
    ],
    ['claude', '5-hour limit reached ∙ resets 3am (Asia/Nowhere)', new Date(2026, 10, 23, 3, 1).getTime()],
    ['claude', 'Claude AI usage limit reached|1795403000', 1_795_403_000_000],
    ['codex', 'usage limit: try again at Feb 30th, 2026 1:00 AM', undefined],
  ])('of %s ends as it says: %s', async (label, message, resetsAt) => {
    const fails = { claude: () => claudeFails({ result: message }), codex: () => codexFails(message) };
    const told = fails[label as 'claude']?.() ?? geminiFails(message, 173);
    const clock = new ManualClock();
    const result = await askOf(label, told).ask({}, { clock });
    expect(result.metadata).toMatchObject({ cause: 'rate_limit' });
    expect(result.metadata?.resetsAt).toBe(resetsAt);
    expect(result.pause?.until).toBe(resetsAt ?? null);
  });
});

it.each(['disk quota exceeded', 'error: 429 tests failed', 'rate limit? no, a name of a test'])(
  'a line that only sounds like a limit holds nothing up: %s',
  async (stderr) => {
    const result = await askOf('codex', { lines: [], stderr, code: 1 }).ask({});
    expect(result.metadata).toMatchObject({ cause: 'cli' });
    expect(result).not.toHaveProperty('pause');
  },
);

it('a CLI that is missing is the cause itself', async () => {
  const { ask } = setUpAgents({ clis: { codex: { path: '/nowhere/codex' } } });
  expect((await ask('codex-cli', {})).metadata).toMatchObject({ cause: 'cli' });
});

describe('a result of a talkative CLI', () => {
  it('stays small: ids, names, denials and the error are bounded', async () => {
    const long = 'x'.repeat(50_000);
    const denial = { tool_name: 'Write', tool_use_id: 't', tool_input: { content: long }, other: long };
    const lines = [
      { type: 'system', subtype: 'init', session_id: long, model: long, claude_code_version: long },
      { type: 'result', is_error: true, result: long, permission_denials: Array(100).fill(denial) },
    ];
    const { metadata, error } = await askOf('claude', { lines, code: 1 }).ask({});
    expect(JSON.stringify(metadata).length).toBeLessThan(10_000);
    expect(error!.length).toBeLessThan(3_000);
    expect(metadata).not.toHaveProperty('sessionId');
    expect(metadata?.permissionDenials).toHaveLength(50);
    expect(metadata?.permissionDenials).toContainEqual({ tool_name: 'Write', tool_use_id: 't' });
  });

  it('names the refused tools of a CLI that has no list of them', async () => {
    const lines = [
      { type: 'init', session_id: 'x', model: 'm' },
      {
        type: 'tool_result',
        tool_id: 'run_shell_command__c1',
        status: 'error',
        error: { type: 'tool_not_registered', message: 'Tool "run_shell_command" not found.' },
      },
      { type: 'message', role: 'assistant', content: 'I may not' },
      { type: 'result', status: 'success' },
    ];
    const { metadata, exitCode } = await askOf('gemini', { lines }).ask({});
    expect(exitCode).toBe(0);
    expect(metadata).toMatchObject({ permissionDenials: [{ tool_name: 'run_shell_command' }] });
    expect(metadata).not.toHaveProperty('cause');
  });
});

describe('the version of a CLI', () => {
  const fine: Told = { lines: [{ type: 'turn.completed' }] };
  const asked = (path: string) =>
    readFileSync(join(dirname(path), 'asked'), 'utf8')
      .trim()
      .split('\n').length;

  it('is asked for once, and again when the file has changed', async () => {
    const { path, ask } = askOf('codex', fine);
    for (const prompt of ['one', 'two']) {
      expect((await ask({ prompt })).metadata).toMatchObject({ cliVersion: '4.5.6' });
    }
    expect(asked(path)).toBe(1);
    writeFileSync(path, readFileSync(path, 'utf8').replace('4.5.6', '4.6.0'));
    expect((await ask({})).metadata).toMatchObject({ cliVersion: '4.6.0' });
    expect(asked(path)).toBe(2);
  });

  it('of Claude is told by itself', async () => {
    const lines = [
      { type: 'system', subtype: 'init', session_id: 'x', claude_code_version: '2.1.330' },
      { type: 'result', is_error: false, result: 'fine' },
    ];
    const { path, ask } = askOf('claude', { lines });
    expect((await ask({})).metadata).toMatchObject({ cliVersion: '2.1.330' });
    expect(() => asked(path)).toThrow('ENOENT');
  });

  it('that this machine can not ask for now costs the task nothing but the version, and is asked for again', async () => {
    const { path, ask } = askOf('codex', fine);
    const rejections: unknown[] = [];
    const note = (error: unknown) => void rejections.push(error);
    process.on('unhandledRejection', note);
    const run = () => Promise.reject(new Unfit('no room for a process'));
    await expect(ask({}, { run })).rejects.toThrow('no room for a process');
    await expect(ask({}, { run })).rejects.toThrow('no room for a process');
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
    expect((await ask({})).metadata).toMatchObject({ cliVersion: '4.5.6' });
    expect(asked(path)).toBe(1);
  });

  it('that can not be learnt is left out', async () => {
    const { path, ask } = askOf('codex', fine);
    writeFileSync(path, readFileSync(path, 'utf8').replace('exit 0; fi', 'exit 1; fi'));
    const { metadata, exitCode } = await ask({});
    expect(exitCode).toBe(0);
    expect(metadata).not.toHaveProperty('cliVersion');
  });
});

/** A list of models, of which the first meets what was told. */
describe('the next model', () => {
  const askAll = (label: string, told: Told) => {
    const path = scriptedCli(told);
    const { ask, lines } = setUpAgents({ clis: { [label]: { path, models: ['first', 'second'] } } });
    const tried = () => lines.filter(({ msg }) => /trying the next/.test(String(msg))).length + 1;
    return { ask: () => ask(`${label as 'codex'}-cli`, {}), tried };
  };
  const capacity = {
    type: 'turn.failed',
    error: { message: 'Selected model is at capacity. Please try a different model.' },
  };

  it('is tried where the wanted one is not to be had', async () => {
    const { ask, tried } = askAll('codex', { lines: [capacity], code: 1 });
    expect((await ask()).metadata).toMatchObject({ cause: 'model_unavailable', model: 'second' });
    expect(tried()).toBe(2);
  });

  it('is not tried when something has been done: it would be done twice', async () => {
    const done = { type: 'item.started', item: { type: 'command_execution', command: 'rm x' } };
    const { ask, tried } = askAll('codex', { lines: [done, capacity], code: 1 });
    expect((await ask()).metadata).toMatchObject({ cause: 'model_unavailable', model: 'first' });
    expect(tried()).toBe(1);
  });

  it('is tried where the limit is that of one model, and the type waits only when none is left', async () => {
    const { ask, tried } = askAll('gemini', recorded('gemini-quota-of-the-day'));
    expect(await ask()).toMatchObject({ exitCode: 173, pause: { reason: 'rate limit' } });
    expect(tried()).toBe(2);
  });

  it.each([
    ['codex', 'codex-api429'],
    ['codex', 'codex-auth401'],
    ['gemini', 'gemini-quota-with-time'],
  ])('is not tried by %s where it would not help: %s', async (label, name) => {
    const { ask, tried } = askAll(label, recorded(name));
    expect((await ask()).exitCode).not.toBe(0);
    expect(tried()).toBe(1);
  });
});

it('an answer of 20 MB, in one line, is an answer', async () => {
  const lines = [{ type: 'result', is_error: false, result: 'x'.repeat(20_000_000) }];
  const { stdout, exitCode } = await askOf('claude', { lines }).ask({});
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^xxx/);
});

describe('a limit of the task', () => {
  it('is given to Claude', async () => {
    const { ask } = setUpAgents();
    const { stdout } = await ask('claude-cli', { prompt: 'argv', maxBudgetUsd: 0.25 });
    expect(JSON.parse(stdout).join(' ')).toContain('--max-budget-usd 0.25');
  });

  it.each([
    ['codex-cli', { maxTurns: 3 }, 'codex can’t be held to maxTurns'],
    ['codex-cli', { maxBudgetUsd: 1 }, 'codex can’t be held to maxBudgetUsd'],
    ['gemini-cli', { maxTurns: 3 }, 'gemini can’t be held to maxTurns'],
  ] as const)('that %s does not keep is refused, and nothing is run: %j', async (type, limits, error) => {
    const { ask } = setUpAgents();
    expect(await ask(type, limits)).toMatchObject({ exitCode: 1, error: error.replace('’', "'") });
  });
});
