/** Another CLI is one file and one line: shown by adding one to a copy of the product, and running it. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { brokenProduct, PRODUCT } from '../../../support/sabotage.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** The one file. */
const PARROT = `
import { join } from 'node:path';
import { objectOf, parseJsonLine, stringOf } from './json-lines.ts';
import { end, type Provider } from './provider.ts';
import { UUID_PATTERN } from './session-files.ts';
import { field, textOf } from './topic.ts';

export const parrot: Provider = {
  type: 'parrot-cli',
  label: 'parrot',
  mode: { setting: 'RUNNER_PARROT_CAGE', name: 'cage', values: ['closed', 'open'], fallback: 'closed', bypass: [] },
  versionFlag: '--version',
  fallsBack: false,
  environment: ['PARROT_*'],
  sessions: {
    folder: (_env, home) => join(home, '.parrot'),
    folders: async (folder) => [{ path: folder }],
    name: new RegExp(\`^(\${UUID_PATTERN})\\\\.jsonl$\`),
    saidIn: (line) => textOf(field(line, 'said')),
  },
  invocation: (task, session) => ({
    args: ['--cage', task.mode, ...(session.resume ? ['--again', session.id] : [])],
    stdin: task.prompt,
  }),
  parse: (line) =>
    parseJsonLine(line, (event) => {
      if (event.id !== undefined) return [{ kind: 'session', id: stringOf(event.id) ?? '', model: null }];
      return [
        { kind: 'message', text: stringOf(event.say) ?? '', continues: false },
        end({ usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: Object.keys(objectOf(event)).length } }),
      ];
    }),
};
`;

/** The one line; and the entry of a task type of its own. */
const LINES = [
  {
    file: 'src/workers/agents/clis.ts',
    find: "export { gemini } from './gemini.ts';\n",
    put: "export { gemini } from './gemini.ts';\nexport { parrot } from './parrot.ts';\n",
  },
  {
    file: 'src/queue/task.ts',
    find: '} as const satisfies Record<',
    put: `  'parrot-cli': { label: 'Parrot', shortLabel: 'Polly', entrypoint: 'perch', timeoutMs: 7_000, limits: ['maxTurns'], tellsCost: false, alwaysPolled: [] },
} as const satisfies Record<`,
  },
];

/** What says everything twice, and keeps it in a file a session. */
const EXECUTABLE = `#!/bin/sh
[ "$1" = --version ] && { echo parrot 7.8.9; exit 0; }
id=11111111-2222-4333-8444-555555555555
[ "$3" = --again ] && id=$4
mkdir -p "$HOME/.parrot"
said=$(cat)
printf '{"said":"%s"}\\n' "$said" >> "$HOME/.parrot/$id.jsonl"
printf '{"id":"%s"}\\n{"say":"%s %s %s in %s"}\\n' "$id" "$said" "$said" "$1" "$2"
`;

/** Runs in the copy: the settings of a runner, its executors, and two tasks of one session. */
const PROGRAM = `
import { homedir } from 'node:os';
import { systemClock } from './src/clock.ts';
import { readRunnerSettings } from './src/runner-config.ts';
import { Settings } from './src/settings.ts';
import { createAgents } from './src/workers/agents/agent-executor.ts';
import { RUNNER_DEFAULTS } from './src/workers/config.ts';
import { contextOf } from './src/workers/work.ts';

const log = { info() {}, warn() {}, error() {}, debug() {} };
const settings = new Settings(process.env);
const { agents, types, policy } = readRunnerSettings(settings, process.env.HOME + '/data');
settings.check();
const { executors, recent } = createAgents(agents, { clock: systemClock, log, env: process.env, home: homedir() });
const signal = new AbortController().signal;
const fitness = { tried() {} };
const transcript = [];
const ask = async (prompt) => {
  const context = contextOf({ signal, leaseId: null, task: { type: 'parrot-cli' } }, { ...RUNNER_DEFAULTS, clock: systemClock, log, env: process.env, envPass: [], fitness, policy });
  context.print = (_, text) => transcript.push(text);
  return executors['parrot-cli']({ id: 't', type: 'parrot-cli', prompt, timeout: 60_000, sessionId: 'chat', callbackChannel: null }, context);
};
const results = [await ask('hello'), await ask('again')];
console.log(JSON.stringify({ results, types, transcript, recent: await recent.parrot(20) }));
`;

it('a made-up CLI gets settings, sessions, transcript, version and recent sessions by one file and one line', async () => {
  const folder = brokenProduct(join(tempFolder(), 'product'), LINES);
  const home = join(folder, 'home');
  mkdirSync(home);
  writeFileSync(join(folder, 'src/workers/agents/parrot.ts'), PARROT);
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  writeFileSync(join(folder, 'polly'), EXECUTABLE, { mode: 0o755 });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    PARROT_PATH: join(folder, 'polly'),
    RUNNER_PARROT_CAGE: 'open',
    RUNNER_TYPES: 'parrot-cli',
  };
  const run = promisify(execFile)(process.execPath, ['program.ts'], { cwd: folder, env });
  const { results, types, transcript, recent } = JSON.parse((await run).stdout);
  const id = '11111111-2222-4333-8444-555555555555';
  const metadata = { sessionId: id, cliVersion: '7.8.9', usage: { inputTokens: 1 } };
  expect(results).toMatchObject([
    {
      stdout: 'hello hello --cage in open',
      exitCode: 0,
      error: null,
      metadata: { ...metadata, resumed: false },
    },
    {
      stdout: 'again again --cage in open',
      exitCode: 0,
      error: null,
      metadata: { ...metadata, resumed: true },
    },
  ]);
  expect(types).toEqual(['parrot-cli']);
  expect(transcript.join('')).toBe('hello hello --cage in open\nagain again --cage in open\n');
  expect(recent).toMatchObject([{ sessionId: id, topic: 'hello' }]);
});

/** Runs in the copy: the Task API, its client, and an older runner. */
const CONVERSATION = `
import { TaskApiClient } from './src/client/index.ts';
import { systemClock } from './src/clock.ts';
import { readTaskApiConfig } from './src/config.ts';
import { startTaskApi } from './src/service.ts';
import { Settings } from './src/settings.ts';

const log = { info() {}, warn() {}, error() {}, debug() {} };
const token = 'a-token-of-the-tests-0123456789';
const config = readTaskApiConfig(new Settings(process.env), { path: process.env.HOME });
const taskApi = await startTaskApi({ ...config, token }, { clock: systemClock, log });
const api = new TaskApiClient({ url: taskApi.url, token });
const submitted = await api.tasks.submit('parrot-cli', { prompt: 'hello', sessionId: 'chat', maxTurns: 2 });
const refusal = await api.tasks.submit('parrot-cli', { prompt: 'hello', maxBudgetUsd: 2 }).catch(({ message }) => message);
const polled = await api.worker.poll({ wait: 1_000 });
const sessions = await api.sessions.list();
const recent = await (await fetch(taskApi.url + '/parrot/recent', { headers: { authorization: 'Bearer ' + token } })).json();
await taskApi.close(AbortSignal.abort());
console.log(JSON.stringify({ submitted, refusal, polled, sessions, recent }));
`;

it('the Task API and its client take tasks of the made-up CLI by its line alone', async () => {
  const folder = brokenProduct(join(tempFolder(), 'product'), LINES);
  const home = join(folder, 'home');
  mkdirSync(join(home, '.parrot'), { recursive: true });
  writeFileSync(join(folder, 'src/workers/agents/parrot.ts'), PARROT);
  writeFileSync(join(folder, 'program.ts'), CONVERSATION);
  const env = { PATH: process.env.PATH, HOME: home, WORKER_PORT: '0' };
  const run = promisify(execFile)(process.execPath, ['program.ts'], { cwd: folder, env });
  const { submitted, refusal, polled, sessions, recent } = JSON.parse((await run).stdout);
  expect(submitted).toMatchObject({ sessionId: 'chat', message: 'Parrot CLI task created' });
  expect(refusal).toContain('maxBudgetUsd is not for parrot-cli: Parrot has no such limit');
  expect(polled).toMatchObject({ type: 'parrot-cli', timeout: 7_000, entrypoint: 'perch', maxTurns: 2 });
  expect(sessions).toMatchObject([{ sessionId: 'chat', cliType: 'parrot' }]);
  expect(recent).toEqual({ sessions: [] });
});

it('the made-up CLI is as the types demand, and they demand nothing else of the product', async () => {
  const folder = brokenProduct(join(tempFolder(), 'product'), LINES);
  writeFileSync(join(folder, 'src/workers/agents/parrot.ts'), PARROT);
  const config = JSON.parse(readFileSync(join(PRODUCT, 'tsconfig.json'), 'utf8'));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include: ['src'] }));
  copyFileSync(join(PRODUCT, 'package.json'), join(folder, 'package.json'));
  const tsc = join(PRODUCT, 'node_modules/.bin/tsc');
  const { stdout } = await promisify(execFile)(tsc, ['-p', '.'], { cwd: folder }).catch((error) => error);
  const files = [...stdout.matchAll(/^(\S+?)\(\d/gm)].map(([, file]) => file);
  expect(files).toEqual([]);
});
