/** `openclaw-runner callbacks`, with a real Task API and far servers that refuse: in a pipe and in terminals. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallbackPage, CallbackState } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { FakeDiscord } from '../support/fake-discord.ts';
import { FakeSlack } from '../support/fake-slack.ts';
import { FakeTelegram } from '../support/fake-telegram.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, ours, outcomeOf, run, runInTerminal } from '../support/terminal.ts';

const TOKEN = 'a-token-of-the-cli-tests';
const UNKNOWN_CHAT = { status: 400, body: { ok: false, error_code: 400, description: 'chat not found' } };
const REVOKED = { status: 200, body: { ok: false, error: 'token_revoked' } };
const PATIENCE = { status: 429, headers: { 'Retry-After': '600' } };
const CHAT = { kind: 'telegram', target: -1_001_234_567_890, threadId: 5 };
const CHANNEL = { kind: 'discord', target: '1234567890123456789' };
const TEAM = { kind: 'slack', target: 'C0123456789' };

async function house() {
  const [discord, telegram, slack] = await Promise.all([
    FakeDiscord.start(),
    FakeTelegram.start(),
    FakeSlack.start(),
  ]);
  onTestFinished(async () => void (await Promise.all([discord.stop(), telegram.stop(), slack.stop()])));
  const env = freshEnvironment(tempFolder(), {
    ...{ WORKER_PORT: '0', WORKER_TOKEN: TOKEN },
    ...{ CALLBACK_API_BASE_URL: discord.baseUrl, CALLBACK_BOT_TOKEN: 'discord-token' },
    ...{ TELEGRAM_API_BASE_URL: telegram.baseUrl, TELEGRAM_BOT_TOKEN: '1:telegram-token' },
    ...{ SLACK_API_BASE_URL: slack.baseUrl, SLACK_BOT_TOKEN: 'slack-token' },
  });
  const session = run(ours('task-api'), { env });
  const { url } = JSON.parse((await session.shows(/^\{.*"msg":"ready".*\}$/m))[0]);
  const client = { ...env, WORKER_URL: url };
  const oc = (...args: string[]) => outcomeOf(ours(...args), { env: client });
  return {
    ...{ discord, telegram, slack, url, oc },
    json: async (...args: string[]) =>
      JSON.parse((await oc('callbacks', ...args, '--json')).out) as CallbackPage,
    /** What it shows in a terminal of so many columns. */
    inTerminal: async (columns: number, ...args: string[]) => {
      const words = ours('callbacks', ...args).map((word) => `'${word}'`);
      const shown = runInTerminal(`sh -c "stty cols ${columns}; exec ${words.join(' ')}"`, { env: client });
      await shown.exit;
      return { raw: shown.out, lines: stripVTControlCharacters(shown.out).trimEnd().split(/\r?\n/) };
    },
    /** A task is cancelled, and told of; what is owed once that has come to `status`. */
    owe: async (callback: object, status: string): Promise<CallbackState> => {
      const post = async (path: string, body: object) => {
        const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
        const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
        return (await answer.json()) as { taskId: string };
      };
      const { taskId } = await post('/tasks', { command: 'x', callback });
      await post(`/tasks/${taskId}/cancel`, {});
      const path = `${url}/callbacks?taskId=${taskId}`;
      return eventually(`a callback that is ${status}`, async () => {
        const answer = await fetch(path, { headers: { authorization: `Bearer ${TOKEN}` } });
        const [found] = ((await answer.json()) as CallbackPage).callbacks;
        return found?.status === status && (status === 'dead' || found.lastError !== null) && found;
      });
    },
  };
}

type House = Awaited<ReturnType<typeof house>>;

/** One that is dead, one that waits for ten minutes, one that waits for a credential; oldest first. */
async function oneOfEach({ telegram, discord, slack, owe }: House) {
  telegram.next(UNKNOWN_CHAT);
  const dead = await owe(CHAT, 'dead');
  discord.next(PATIENCE);
  const late = await owe(CHANNEL, 'pending');
  slack.next(REVOKED);
  const paused = await owe(TEAM, 'paused');
  return { dead, late, paused };
}

const PAUSED = 'slack, all that goes with one credential, is paused, tried again in \\d+m: HTTP 200';

describe('callbacks', () => {
  it('says that none is owed, beside an output that is empty', async () => {
    const { oc, json } = await house();
    const told = (sentence: string) => ({ code: 0, out: '', err: `openclaw-runner: ${sentence}\n` });
    expect(await oc('callbacks')).toEqual(told('No callback is owed.'));
    expect(await oc('callbacks', '--status', 'dead')).toEqual(told('No callback is like that.'));
    expect(await oc('callbacks', 'list', '--task', 'nope')).toEqual(told('No callback is like that.'));
    expect(await json()).toEqual({ callbacks: [], nextCursor: null, pauses: [] });
  });

  it('lists them in a pipe with all that is known, the newest first, and what is paused', async () => {
    const started = await house();
    const { dead, late, paused } = await oneOfEach(started);
    const { code, out, err } = await started.oc('callbacks');
    expect([code, err]).toEqual([0, '']);
    const [title, ...lines] = out.trimEnd().split('\n');
    expect(title?.split(/ {2,}/)).toEqual([
      ...['CALLBACK', 'STATUS', 'TO', 'NEXT', 'TELLS', 'ATTEMPTS', 'TASK', 'ERROR'],
    ]);
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      [
        paused.id,
        'paused',
        'slack C0123456789',
        'cancelled',
        '0',
        paused.taskId,
        expect.stringContaining('revoked'),
      ],
      [
        ...[late.id, 'pending', 'discord 1234567890123456789', expect.stringMatching(/^in (9|10)m$/)],
        ...['cancelled', '0', late.taskId, expect.stringContaining('HTTP 429')],
      ],
      [
        ...[dead.id, 'dead', 'telegram -1001234567890/5', 'cancelled', '1', dead.taskId],
        expect.stringContaining('chat not found'),
      ],
      [''],
      [expect.stringMatching(new RegExp(`^${PAUSED} .*token_revoked`))],
    ]);
    expect(await started.json()).toMatchObject({
      callbacks: [{ id: paused.id }, { id: late.id }, { id: dead.id }],
      pauses: [{ kind: 'slack', target: null }],
    });
  });

  it('fits into a terminal: ids and destinations whole, why it did not arrive below', async () => {
    const started = await house();
    const { dead, late, paused } = await oneOfEach(started);
    const { raw, lines } = await started.inTerminal(80);
    for (const style of ['\u001b[31mdead', '\u001b[33mpending', '\u001b[35mpaused'])
      expect(raw).toContain(style);
    expect(lines.slice(0, 5)).toEqual([
      expect.stringMatching(/^CALLBACK {30}STATUS {3}TO {2,}NEXT$/),
      `${paused.id}  paused   slack C0123456789`,
      expect.stringMatching(`^${late.id}  pending  discord 1234567890123\\d*… +in \\d+m$`),
      `${dead.id}  dead     telegram -1001234567890/5`,
      '',
    ]);
    const notes = lines.slice(5).join('\n').replaceAll('\n  ', ' ');
    expect(notes.split('\n')).toEqual([
      expect.stringMatching(/^discord 1234567890123456789: HTTP 429 /),
      expect.stringMatching(/^telegram -1001234567890\/5: HTTP 400 .*chat not found/),
      expect.stringMatching(new RegExp(`^${PAUSED} `)),
    ]);
    for (const columns of [60, 79, 80, 110, 150, 200]) {
      const narrow = (await started.inTerminal(columns)).lines;
      expect(narrow.slice(1, 4).map((line) => line.slice(0, 36))).toEqual([paused.id, late.id, dead.id]);
      const longest = Math.max(...narrow.map((line) => line.length));
      expect([columns, longest <= columns]).toEqual([columns, true]);
    }
    expect((await started.inTerminal(150)).lines[1]).toContain(paused.taskId);
  });

  it('shows those that are asked for, and what is paused only where one of them waits for it', async () => {
    const started = await house();
    const { dead, late, paused } = await oneOfEach(started);
    const ids = async (...args: string[]) => (await started.json(...args)).callbacks.map(({ id }) => id);
    expect(await ids('--status', 'dead')).toEqual([dead.id]);
    expect(await ids('--task', late.taskId)).toEqual([late.id]);
    expect(await ids('--task', late.taskId, '--status', 'paused')).toEqual([]);
    expect(await ids('--limit', '2')).toEqual([paused.id, late.id]);
    expect((await started.json('--limit', '1')).nextCursor).toEqual(expect.any(String));
    expect((await started.oc('callbacks', '--status', 'dead')).out).not.toContain('is paused');
    expect((await started.oc('callbacks', '--task', paused.taskId)).out).toMatch(new RegExp(PAUSED));
    expect((await started.inTerminal(80, '--limit', '2')).lines.at(-1)).toBe(
      'openclaw-runner: There are more than these 2; --limit shows them.',
    );
    expect((await started.inTerminal(80, '--limit', '3')).lines.at(-1)).not.toContain('There are more');
  });
});

describe('callbacks replay', () => {
  it('sends dead ones again, tries paused ones now, and tells of the others at the end', async () => {
    const started = await house();
    const { dead, late, paused } = await oneOfEach(started);
    const { code, out, err } = await started.oc('callbacks', 'replay', 'nope', dead.id, late.id, paused.id);
    expect([code, out]).toEqual([1, `${dead.id} is pending again.\n${paused.id} is pending again.\n`]);
    expect(err).toBe(
      `openclaw-runner: 2 of 4 were not replayed. nope: Callback not found; ${late.id}: The callback is on its way already\n`,
    );
    await eventually('the messages', () => {
      const arrived = [started.telegram.channel('-1001234567890/5'), started.slack.channel('C0123456789')];
      return arrived.every((texts) => texts.length === 1);
    });
    await eventually('the end of what was owed', async () => (await started.json()).callbacks.length === 1);
    expect((await started.json()).pauses).toEqual([]);
  });

  it('tells of one as of any failure, and speaks JSON', async () => {
    const started = await house();
    const { dead } = await oneOfEach(started);
    const error = `The Task API at ${started.url} answers 404: Callback not found`;
    const replay = (...args: string[]) => started.oc('callbacks', 'replay', ...args);
    expect(await replay('nope')).toEqual({ code: 1, out: '', err: `openclaw-runner: ${error}\n` });
    const failed = await replay('nope', '--json');
    expect([failed.code, JSON.parse(failed.err)]).toEqual([1, { error, code: 'not_found' }]);
    const { code, out } = await replay(dead.id, '--json');
    expect([code, JSON.parse(out)]).toMatchObject([0, { id: dead.id, status: 'pending', kind: 'telegram' }]);
  });
});

it('is called in the right way only', async () => {
  const { oc } = await house();
  for (const [args, told] of [
    [['--status', 'sent'], 'Allowed choices are pending, paused, dead'],
    [['--limit', '0'], 'It takes a number from 1'],
    [['replay'], "missing required argument 'callbacks'"],
    [['resend'], 'too many arguments'],
  ] as const) {
    const { code, out, err } = await oc('callbacks', ...args);
    expect([args, code, out, err]).toEqual([args, 2, '', expect.stringContaining(told)]);
  }
});

it('a task submitted with --callback is told of; a destination that is none is refused in a sentence', async () => {
  const { oc, telegram } = await house();
  const submit = (callback: string) => oc('submit', '--detach', '--callback', callback, 'x');
  const { out } = await submit('telegram:-777');
  await oc('cancel', out.trim());
  await eventually('the message', () => telegram.channel('-777').length === 1);
  expect(await submit('telegram:the family')).toMatchObject({
    code: 125,
    err: expect.stringMatching(/answers 400: target must be the id of a chat.* \(callback\.target\)\n$/),
  });
  expect((await submit('carrier-pigeon:coop')).err).toContain('It is one of discord, telegram, slack,');
});
