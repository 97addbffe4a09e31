/** examples/telegram-bot.ts as people use it: a real process between a Telegram on loopback and a real Task API. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FRIEND, finish, launchBot, STRANGER, submitted, taken } from '../support/example-bot.ts';
import { FakeTelegramBotApi, TELEGRAM_TOKEN } from '../support/fake-telegram-bot-api.ts';
import { environmentIn } from '../support/processes.ts';
import { Api } from '../support/task-api-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FORUM = { id: -1_001_234, type: 'supergroup', is_forum: true };
const IN_TOPIC = { from: FRIEND, chat: FORUM, message_thread_id: 77, is_topic_message: true };

/** What the bot and the Task API are both told. */
function telegramOf({ baseUrl }: FakeTelegramBotApi) {
  return { TELEGRAM_BOT_TOKEN: TELEGRAM_TOKEN, TELEGRAM_API_BASE_URL: baseUrl };
}

async function setUp(env: Record<string, string> = {}) {
  const telegram = await FakeTelegramBotApi.start();
  onTestFinished(() => telegram.stop());
  const api = await Api.start(environmentIn(tempFolder(), telegramOf(telegram)));
  const start = async () => {
    const started = launchBot('telegram', { WORKER_URL: api.url, ...telegramOf(telegram), ...env });
    await started.shows(/^Ready as @runner_bot\.$/m);
    return started;
  };
  return { telegram, api, start, bot: await start() };
}

describe('a prompt in a chat', () => {
  it('is queued, and its answer comes to the chat', async () => {
    const { telegram, api } = await setUp();
    telegram.write('/cc hello there', { from: FRIEND });
    const task = await taken(api);
    expect(task).toMatchObject({
      type: 'claude-cli',
      prompt: 'hello there',
      sessionId: `telegram:${FRIEND}`,
    });
    expect(task).toMatchObject({ origin: 'telegram', dispatchMode: 'direct-command', entrypoint: 'cc' });
    const queued = `Queued as ${task.id}.`;
    expect(await telegram.chat(FRIEND, 1)).toEqual([queued]);
    await finish(api, task.id, 'General Kenobi!');
    expect(await telegram.chat(FRIEND, 2)).toEqual([queued, 'General Kenobi!']);
  });

  it('of a topic is answered in the topic', async () => {
    const { telegram, api } = await setUp();
    telegram.write('/gemini@runner_bot hello', IN_TOPIC);
    const task = await taken(api);
    expect(task).toMatchObject({ type: 'gemini-cli', prompt: 'hello', sessionId: 'telegram:-1001234:77' });
    await telegram.chat(FORUM.id, 1);
    await finish(api, task.id, 'the answer');
    await telegram.chat(FORUM.id, 2);
    expect(telegram.sent.map(({ message_thread_id }) => Number(message_thread_id))).toEqual([77, 77]);
  });

  it('continues the conversation of its chat, and of no other', async () => {
    const { telegram, api } = await setUp();
    const chats = [FRIEND, FRIEND, -5];
    const sessions: string[] = [];
    for (const id of chats) {
      telegram.write('/codex go on', { from: FRIEND, chat: { id, type: 'group' } });
      const { id: taskId, type, sessionId } = await taken(api);
      expect(type).toBe('codex-cli');
      sessions.push(sessionId);
      await finish(api, taskId, 'done');
    }
    expect(sessions).toEqual(chats.map((id) => `telegram:${id}`));
  });

  it('is one task, though the bot dies before it has confirmed the update', async () => {
    const { telegram, api, bot, start } = await setUp();
    telegram.sending = 'lost answer';
    telegram.write('/cc once', { from: FRIEND });
    await telegram.chat(FRIEND, 1);
    bot.kill('SIGKILL');
    await bot.exit;
    telegram.sending = 'answered';
    await start();
    const [first, second] = await telegram.chat(FRIEND, 2);
    expect(second).toBe(first);
    expect(await submitted(api)).toHaveLength(1);
  });
});

describe('what is not submitted', () => {
  it('is what a stranger writes', async () => {
    const { telegram, api } = await setUp();
    telegram.write('/cc rm -rf ~', { from: STRANGER });
    const refusal = `You may not use this bot: ALLOWED_USERS has no ${STRANGER}.`;
    expect(await telegram.chat(STRANGER, 1)).toEqual([refusal]);
    expect(await submitted(api)).toEqual([]);
  });

  it('is an empty prompt, what was forwarded, and what is no command', async () => {
    const { telegram, api } = await setUp();
    telegram.write('/cc the words of another', { from: FRIEND, forward_origin: { type: 'hidden_user' } });
    telegram.write('hello', { from: FRIEND });
    telegram.write('/cc  ', { from: FRIEND });
    telegram.write('/codex', { from: FRIEND });
    expect(await telegram.chat(FRIEND, 2)).toEqual(['Usage: /cc <prompt>', 'Usage: /codex <prompt>']);
    expect(await submitted(api)).toEqual([]);
  });

  it('is what the Task API refuses, and the chat is told why', async () => {
    const { telegram, bot } = await setUp({ WORKER_TOKEN: 'not-the-token-of-this-task-api' });
    telegram.write('/cc hello', { from: FRIEND });
    expect(await telegram.chat(FRIEND, 1)).toEqual(['Not queued: Unauthorized']);
    await eventually('the line for the operator', () => /refuses the token\.$/m.test(bot.err));
  });
});

describe('the bot', () => {
  it('lives on where it may not reply', async () => {
    const { telegram, bot } = await setUp();
    telegram.sending = 'blocked';
    telegram.write('/cc', { from: FRIEND });
    await eventually('the line for the operator', () => bot.err.includes('403: Forbidden'));
    telegram.sending = 'answered';
    telegram.write('/codex', { from: FRIEND });
    expect(await telegram.chat(FRIEND, 1)).toEqual(['Usage: /codex <prompt>']);
  });

  it('announces its commands', async () => {
    const { telegram } = await setUp();
    expect(telegram.commands.map(({ command }) => command)).toEqual(['cc', 'codex', 'gemini']);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with 0 on %s, and leaves what it has not seen',
    async (signal) => {
      const { telegram, api, bot, start } = await setUp();
      bot.kill(signal);
      expect(await bot.exit).toBe(0);
      telegram.write('/cc later', { from: FRIEND });
      await start();
      expect(await taken(api)).toMatchObject({ prompt: 'later' });
    },
  );

  it.each(['', ',', '@somebody'])('does not start with ALLOWED_USERS="%s"', async (ALLOWED_USERS) => {
    const bot = launchBot('telegram', { ALLOWED_USERS, TELEGRAM_BOT_TOKEN: TELEGRAM_TOKEN });
    expect(await bot.exit).toBe(1);
    expect(bot.err).toMatch(/^ALLOWED_USERS must be .+\.\n$/m);
    expect(bot.err).not.toMatch(/^\s+at /m);
  });

  it('does not start with a token that Telegram refuses', async () => {
    const telegram = await FakeTelegramBotApi.start();
    onTestFinished(() => telegram.stop());
    const bot = launchBot('telegram', { ...telegramOf(telegram), TELEGRAM_BOT_TOKEN: '1:wrong' });
    expect(await bot.exit).toBe(1);
    expect(bot.err).toMatch(/^.*401: Unauthorized.*\n$/m);
  });
});
