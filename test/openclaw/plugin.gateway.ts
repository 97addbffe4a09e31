/** Our plugin, packed and installed as a user does, in a real gateway: from a chat to a runner, and back. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, gone, pidsIn } from '../support/eventually.ts';
import { TELEGRAM_TOKEN } from '../support/fake-telegram-bot-api.ts';
import { linesOf } from '../support/processes.ts';
import { CLONE } from '../support/terminal.ts';
import { repeat } from './fake-model.ts';
import { openStage, type Stage } from './stage.ts';
import { Talk } from './talk.ts';

const TOOLS = ['runner_command', 'runner_file', 'runner_ask', 'runner_task', 'runner_cancel'];
const ANN = 777;
const UUID = '[0-9a-f]{8}-[0-9a-f-]{27}';
/** What goes through a gateway may take a minute on a busy machine. */
const BOUND_MS = 120_000;

const packed = mkdtempSync(join(tmpdir(), 'openclaw-runner-packed-'));
let stage: Stage;
let ann: Talk;

beforeAll(async () => {
  const npm = { cwd: CLONE, stdio: 'pipe' } as const;
  execFileSync('npm', ['run', '--silent', 'build', '--workspace', 'plugin'], npm);
  execFileSync('npm', ['pack', '--silent', '--workspace', 'plugin', '--pack-destination', packed], npm);
  const [tarball = ''] = readdirSync(packed);
  stage = await openStage({
    plugin: {
      id: 'openclaw-runner',
      from: { tarball: join(packed, tarball) },
      tools: TOOLS,
      config: ({ url, token }) => ({ apiUrl: url, apiToken: token }),
    },
  });
  ann = new Talk(stage.telegram, ANN);
});
afterAll(async () => {
  if (process.env.SHOW_LOG) process.stderr.write(stage.gateway.log);
  rmSync(packed, { recursive: true, force: true });
  await stage?.close();
});
beforeEach(() => {
  stage.model.answer = repeat;
});

/** Answers go by the bot's own token: what a reader sees is the answer, word for word. */
const BY_BOT = () => ({
  ...{ OPENCLAW_HOOKS_FORM: 'off', TELEGRAM_BOT_TOKEN: TELEGRAM_TOKEN },
  TELEGRAM_API_BASE_URL: stage.telegram.baseUrl,
});

/** Has Claude Code hang, by what `ask` writes; its process. */
async function hanging(ask: () => unknown): Promise<number> {
  const file = join(stage.home, 'claude.pids');
  const before = existsSync(file) ? linesOf(file).length : 0;
  await ask();
  return (await pidsIn(file, before + 1, BOUND_MS)).at(-1) ?? 0;
}

const api = (path: string): Promise<ReturnType<typeof JSON.parse>> => stage.tasks.get(path);

describe('the package', () => {
  it('is loaded with its commands and tools, and nothing is wrong with it', async () => {
    const inspected = await stage.gateway.cli('plugins', 'inspect', 'openclaw-runner', '--runtime', '--json');
    const { plugin, commands, tools, diagnostics } = JSON.parse(inspected.out);
    expect(plugin).toMatchObject({ id: 'openclaw-runner', status: 'loaded' });
    expect(JSON.stringify(commands)).toContain('gemini-resume');
    for (const tool of TOOLS) expect(JSON.stringify(tools)).toContain(tool);
    expect(diagnostics ?? []).toEqual([]);
    const doctor = await stage.gateway.cli('plugins', 'doctor');
    expect(doctor).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Plugin discovery, .* checks passed/),
    });
  });
});

describe('a chat whose bot the Task API speaks for', () => {
  beforeAll(() => stage.taskApi.restart(BY_BOT()));

  it('gets the answer of Claude Code, and goes on from there', async () => {
    ann.write('/cc hello');
    await ann.hears(/^claude heard: hello \(new\)$/);
    expect(await ann.hears(/Claude Code/)).toMatch(
      /^(▶ Claude Code is on it\.|⏳ Claude Code has it in line\..*)\nThe answer comes here\. \/runner show [0-9a-f]{8} /,
    );
    ann.write('/cc newest files');
    await ann.hears(new RegExp(`^claude heard: newest files \\(resumed ${UUID}\\)$`));
    expect(stage.model.requests).toEqual([]);
  });

  it.each([
    ['cx', 'codex'],
    ['gemini', 'gemini'],
  ])('has /%s likewise, whose sessions have names of their own', async (command, cli) => {
    ann.write(`/${command} one`);
    await ann.hears(new RegExp(`^${cli} heard: one \\(new\\)$`));
    ann.write(`/${command} two`);
    await ann.hears(new RegExp(`^${cli} heard: two \\(resumed ${UUID}\\)$`));
  });

  it('begins anew, says where it is, lists what there was, and goes back', async () => {
    ann.write('/cc_new first');
    await ann.hears(/^claude heard: first \(new\)$/);
    ann.write('/cc-now');
    const [, first = ''] = /session (\S+) of/.exec(await ann.hears(/goes on with session/)) ?? [];
    ann.write('/cc_new second');
    await ann.hears(/^claude heard: second \(new\)$/);
    ann.write('/cc_recent');
    expect(await ann.hears(/^The latest sessions of Claude Code/)).toContain(first);
    ann.write(`/cc_resume ${first} back again`);
    await ann.hears(new RegExp(`^claude heard: back again \\(resumed ${first}\\)$`));
  });

  it('has a conversation of its own in each topic, where its answers come', async () => {
    const topic = Talk.inTopic(stage.telegram, { from: ANN, chat: -100_123, topic: 42 });
    topic.write('/cc here');
    await topic.hears(/^claude heard: here \(new\)$/);
  });

  it('shows what a long run has said, and ends it for real', async () => {
    const pid = await hanging(() => ann.write('/cc_new hang'));
    ann.write('/runner');
    expect(await ann.hears(/Connected/)).toMatch(
      /• stage, 1 of 5 slots in use[\s\S]*Running\n• Claude [0-9a-f]{8}, \d+ s on stage/,
    );
    ann.write('/runner show');
    expect(await ann.hears(/So far/)).toContain('on it');
    ann.write('/runner cancel');
    await ann.hears(/asked to stop; its runner ends it within seconds/);
    await gone([pid]);
    await ann.hears(/^❌ CC failed/);
  });

  it('goes on after the gateway was started again', async () => {
    ann.write('/cx_now');
    const before = await ann.hears(/goes on with session \S+ of Codex/);
    await stage.gateway.restart();
    ann.write('/cx_now');
    expect(await ann.hears(/goes on with session \S+ of Codex/)).toBe(before);
    ann.write('/cx three');
    await ann.hears(new RegExp(`^codex heard: three \\(resumed ${UUID}\\)$`));
  });
});

describe('webchat', () => {
  it('has the answer written into the conversation, once, and no model has touched it', async () => {
    const asked = stage.model.requests.length;
    const webchat = await stage.webchat();
    expect(await webchat.ask('/cc from the page')).toContain('The answer comes here.');
    expect(await webchat.hears('heard: from the page')).toBe('claude heard: from the page (new)');
    const said = (await webchat.history()).filter(({ text }) => text.includes('heard: from the page'));
    expect(said).toEqual([{ role: 'assistant', text: 'claude heard: from the page (new)' }]);
    expect(stage.model.requests.length).toBe(asked);
  });

  it('gets what ended while the gateway was away', async () => {
    const webchat = await stage.webchat();
    const pid = await hanging(() => webchat.ask('/cc-new hang'));
    await stage.gateway.stop();
    process.kill(pid, 'SIGKILL');
    await eventually('the end of the task', async () => {
      return (await api('/tasks?status=running')).tasks.length === 0;
    });
    await stage.gateway.start();
    const page = await stage.webchat();
    const found = async () => (await page.history()).filter(({ text }) => text.startsWith('❌ Claude'));
    const said = await eventually('the outcome', async () => ((await found()).length > 0 ? found() : false));
    expect(said).toHaveLength(1);
  });
});

describe('an agent', () => {
  it('runs a command, and reads its output', async () => {
    stage.model.answer = ({ toolResult }) =>
      toolResult === undefined
        ? { toolCall: { name: 'runner_command', args: { command: 'echo from a tool' } } }
        : { text: `It said: ${JSON.parse(toolResult).stdout}` };
    ann.write('please run it');
    await ann.hears(/^It said: from a tool/);
    expect(stage.model.requests.at(-1)?.tools.toSorted()).toEqual(TOOLS.toSorted());
  });

  it('asks an AI CLI, whose answer arrives by itself', async () => {
    stage.model.answer = ({ toolResult }) =>
      toolResult === undefined
        ? { toolCall: { name: 'runner_ask', args: { cli: 'codex', prompt: 'by an agent' } } }
        : { text: `Asked: ${JSON.parse(toolResult).status}` };
    ann.write('please ask it');
    await ann.hears(/^Asked: accepted/);
    await ann.hears(/^codex heard: by an agent \(new\)$/);
  });
});

describe('a gateway by whose hook the answers go', () => {
  beforeAll(() => stage.taskApi.restart());

  it('has its agent tell the answer', async () => {
    stage.model.answer = ({ said }) => ({ text: `Your runner says: ${said}` });
    ann.write('/cc_new by hook');
    expect(await ann.hears(/^Your runner says/)).toContain('claude heard: by hook (new)');
  });

  it('that is away when the task ends tells it when it is back, once', async () => {
    // What an agent says of it is up to the agent; a reply that seems to be no more than an echo is asked for again.
    stage.model.answer = () => ({
      text: 'The run of Claude Code on your machine has failed: it was killed.',
    });
    const pid = await hanging(() => ann.write('/cc_new hang'));
    await ann.hears(/Claude Code/);
    await stage.gateway.stop();
    process.kill(pid, 'SIGKILL');
    await eventually('the answer that is owed', async () => {
      const { callbacks } = await api('/callbacks?status=pending');
      return callbacks.some(({ attempts }: { attempts: number }) => attempts > 0);
    });
    await stage.gateway.start();
    await ann.hears(/it was killed/);
    expect(stage.model.requests.at(-1)?.said).toContain('CC failed');
    await eventually('nothing more owed', async () => (await api('/callbacks')).callbacks.length === 0);
    expect(ann.heard.filter((text) => text.includes('it was killed'))).toHaveLength(1);
  });

  it('that has another hook token is paused, and both the chat and the Task API say so', async () => {
    await stage.taskApi.restart({ OPENCLAW_HOOKS_TOKEN: 'another-hook-token-of-the-tests' });
    stage.model.answer = repeat;
    ann.write('/cc_new astray');
    await eventually('the pause', async () => (await api('/callbacks')).pauses.length > 0, BOUND_MS);
    ann.write('/runner');
    expect(await ann.hears(/Answers wait/)).toMatch(/• hook, \d+ s ago: .*401/);
    ann.write('/cc still astray');
    await ann.hears(/⚠ The answer will wait, since the way back is refused: HTTP 401 Unauthorized\./);
    await stage.taskApi.restart();
    await ann.hears(/^claude heard: astray/);
    await ann.hears(/^claude heard: still astray/);
  });
});
