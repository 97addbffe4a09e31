/**
 * Records what the real CLIs print into test/fixtures/cli: `node test/clis/record.ts [name…]`, all without a name.
 * Their stdout is `<name>.jsonl`; `outcomes.json` has the exit code, the signal and stderr of each. Paths, ids,
 * times and durations are replaced, so that a second recording differs only where the CLIs do.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AgentPayload } from '../../src/http/contract/payload.ts';
import { Stop } from '../../src/workers/stop.ts';
import { type Failure, type Reply, text } from './fake/model-api.ts';
import { CLIS, type Cli, openStage, type Stage, type StageOptions } from './stage.ts';

interface Recording {
  replies: Reply[];
  options?: StageOptions;
  task?: Partial<AgentPayload>;
  /** Before the prompt that is recorded. */
  prepare?(stage: Stage): unknown;
  /** The task is cancelled when the model hangs. */
  cancelled?: true;
}

/** When the limits of the recordings end, in epoch seconds: a time that is always to come. */
const RESET = Date.UTC(2036, 0, 2, 3, 4) / 1_000;
const UNKNOWN_ID = '99999999-2222-4333-8444-555555555555';

const fail = (status: number, message: string, more: Partial<Failure> = {}): Failure => ({
  kind: 'fail',
  status,
  message,
  ...more,
});

const resume: Recording = {
  replies: [text('hello Ada')],
  prepare: async (stage) => {
    stage.api.answers(text('noted'));
    await stage.ask({ prompt: 'my name is Ada' });
  },
};
const clear: Recording = { ...resume, replies: [], task: { prompt: '/clear' } };
const unknown: Recording = { replies: [], prepare: (stage) => stage.restartKnowing(UNKNOWN_ID) };
const sigterm: Recording = { replies: [{ kind: 'hang', text: 'let me think' }], cancelled: true };
const wanted = (model: string) => ({ task: { model } });

const withSubscription: StageOptions = {
  env: { CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-fake', ANTHROPIC_API_KEY: '' },
};
const limited = (status: string) => ({
  'anthropic-ratelimit-unified-status': status,
  'anthropic-ratelimit-unified-reset': String(RESET),
  'anthropic-ratelimit-unified-representative-claim': 'five_hour',
  'anthropic-ratelimit-unified-5h-status': status,
  'anthropic-ratelimit-unified-5h-reset': String(RESET),
});
const reading: Reply = { kind: 'tool', name: 'Read', input: { file_path: '/etc/hostname' } };

const CLAUDE: Record<string, Recording> = {
  resume,
  clear,
  sigterm,
  auth401: { replies: [fail(401, 'invalid x-api-key')] },
  'not-logged-in': { replies: [], options: { env: { ANTHROPIC_API_KEY: '' } } },
  model404: { replies: [fail(404, 'model: claude-nope')], ...wanted('claude-nope') },
  'model-fallback': {
    replies: [fail(404, 'model: claude-nope'), text('from the other model')],
    options: { settings: { models: ['claude-haiku-4-5'] } },
    ...wanted('claude-nope'),
  },
  api429: {
    replies: [fail(429, 'This request would exceed the rate limit', { headers: { 'retry-after': '3600' } })],
  },
  'usage-limit': {
    replies: [fail(429, 'This request would exceed your rate limit', { headers: limited('rejected') })],
    options: withSubscription,
  },
  'usage-allowed': {
    replies: [{ ...text('fine'), headers: limited('allowed') }],
    options: withSubscription,
  },
  overloaded529: { replies: [fail(529, 'Overloaded')] },
  'credit-too-low': { replies: [fail(400, 'Your credit balance is too low to access the Anthropic API.')] },
  'max-turns': { replies: [reading, text('done')], options: { args: ['--max-turns', '1'] } },
  'max-budget': { replies: [reading, text('done')], options: { args: ['--max-budget-usd', '0.00001'] } },
};

const limitReached = {
  error: { type: 'usage_limit_reached', message: 'x', plan_type: 'plus', resets_at: RESET },
};
const unsupported = { detail: "The 'nope' model is not supported when using Codex with a ChatGPT account." };

const CODEX: Record<string, Recording> = {
  resume,
  'resume-missing': unknown,
  'new-thread': {
    replies: [text('who are you?')],
    options: { uncut: true },
    prepare: (stage) => stage.restartKnowing('chat-7'),
  },
  sigterm,
  api400: { replies: [fail(400, 'bad thing')] },
  auth401: { replies: [fail(401, 'Incorrect API key provided')] },
  model404: { replies: [fail(404, 'The model `nope` does not exist')], ...wanted('nope') },
  'model-unsupported': { replies: [fail(400, '', { body: unsupported })], ...wanted('nope') },
  api429: { replies: [fail(429, 'Rate limit reached for gpt-5.', { headers: { 'retry-after': '1' } })] },
  'usage-limit': { replies: [fail(429, '', { body: limitReached })] },
  'quota-exceeded': {
    replies: [
      fail(429, '', {
        body: { error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'x' } },
      }),
    ],
  },
  'tool-denied': {
    replies: [{ kind: 'tool', name: 'exec_command', input: { cmd: 'touch denied' } }, text('could not')],
  },
};

const perDay = [
  {
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }],
  },
];
const inAnHour = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3600s' }];
const exhausted = (details: object[]): Partial<Failure> => ({
  body: {
    error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'You exceeded your current quota', details },
  } as Failure['body'] & object,
});

const GEMINI: Record<string, Recording> = {
  resume,
  'resume-missing': unknown,
  sigterm,
  auth401: { replies: [fail(401, 'API key not valid')] },
  model404: {
    replies: [fail(404, 'models/gemini-nope is not found for API version v1beta')],
    ...wanted('gemini-nope'),
  },
  'quota-of-the-day': { replies: [fail(429, '', exhausted(perDay))] },
  'quota-with-time': { replies: [fail(429, '', exhausted(inAnHour))] },
  'max-turns': {
    replies: [{ kind: 'tool', name: 'list_directory', input: { dir_path: '.' } }, text('done')],
    prepare: ({ home }) => {
      const path = `${home}/.gemini/settings.json`;
      const settings = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(path, JSON.stringify({ ...settings, model: { ...settings.model, maxSessionTurns: 1 } }));
    },
  },
  'tool-denied': {
    replies: [
      { kind: 'tool', name: 'run_shell_command', input: { command: 'touch denied' } },
      text('could not'),
    ],
  },
};

const RECORDINGS: Record<Cli, Record<string, Recording>> = { claude: CLAUDE, codex: CODEX, gemini: GEMINI };
const FOLDER = new URL('../fixtures/cli/', import.meta.url);
const OUTCOMES = fileURLToPath(new URL('outcomes.json', FOLDER));

async function record(cli: Cli, { replies, options = {}, task = {}, prepare, cancelled }: Recording) {
  const stage = await openStage(cli, options);
  try {
    await prepare?.(stage);
    stage.api.answers(...replies);
    const controller = new AbortController();
    const running = stage.ask({ prompt: 'hello', ...task }, controller.signal);
    if (cancelled) {
      await stage.api.turn(1);
      controller.abort(new Stop('cancelled'));
    }
    await running;
    const { stdout, stderr, exitCode, signal } = stage.outcomes.at(-1)!;
    const scrub = scrubber(stage);
    return { stdout: scrub(stdout), outcome: { exitCode, signal, stderr: scrub(stderr) } };
  } finally {
    await stage.close();
  }
}

/** Replaces what is this machine's or this run's; an id becomes the same other one wherever it stands. */
function scrubber({ home, workdir, api }: Stage): (output: string) => string {
  const ids = new Map<string, string>();
  const idFor = (id: string) => {
    if (id === UNKNOWN_ID) return id;
    if (!ids.has(id)) ids.set(id, `00000000-0000-4000-8000-${String(ids.size + 1).padStart(12, '0')}`);
    return ids.get(id)!;
  };
  return (output) =>
    output
      .replaceAll(workdir, '/home/user/project')
      .replaceAll(home, '/home/user')
      .replaceAll(home.replaceAll(/[/.]/g, '-'), '-home-user')
      .replaceAll(api.url, 'http://127.0.0.1:8080')
      .replaceAll(new URL(api.url).host, '127.0.0.1:8080')
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, idFor)
      .replaceAll(/20\d\d-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d[.-]\d+Z/g, '2026-11-22T12:00:00.000Z')
      .replaceAll(/(cc-socks\/)\d+/g, '$1100')
      .replaceAll(/(_ms":)[\d.]+/g, '$1100')
      .replaceAll(/\n {4}at .*/g, '');
}

const wantedNames = process.argv.slice(2);
const outcomes = existsSync(OUTCOMES) ? JSON.parse(readFileSync(OUTCOMES, 'utf8')) : {};
for (const cli of CLIS) {
  for (const [kind, recording] of Object.entries(RECORDINGS[cli])) {
    const name = `${cli}-${kind}`;
    if (wantedNames.length > 0 && !wantedNames.includes(name)) continue;
    const { stdout, outcome } = await record(cli, recording);
    writeFileSync(new URL(`${name}.jsonl`, FOLDER), stdout);
    outcomes[name] = outcome;
    process.stdout.write(`${name}: exit code ${outcome.exitCode}, ${stdout.split('\n').length - 1} lines\n`);
  }
}
writeFileSync(OUTCOMES, `${JSON.stringify(outcomes, null, 2)}\n`);
