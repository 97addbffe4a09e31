/** examples/discord-bot.ts as people use it: a real process between a Discord on loopback and a real Task API. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FRIEND, finish, launchBot, STRANGER, submitted, taken } from '../support/example-bot.ts';
import { DISCORD_TOKEN, FakeDiscordGateway, type Used } from '../support/fake-discord-gateway.ts';
import { environmentIn } from '../support/processes.ts';
import { Api } from '../support/task-api-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const CHANNEL = '1200000000000000001';
const THREAD = '1200000000000000002';

/** What the bot and the Task API are both told. */
function discordOf({ baseUrl }: FakeDiscordGateway) {
  return { DISCORD_BOT_TOKEN: DISCORD_TOKEN, DISCORD_API_BASE_URL: baseUrl };
}

async function setUp(env: Record<string, string> = {}) {
  const discord = await FakeDiscordGateway.start();
  onTestFinished(() => discord.stop());
  const api = await Api.start(environmentIn(tempFolder(), discordOf(discord)));
  const bot = launchBot('discord', { WORKER_URL: api.url, ...discordOf(discord), ...env });
  await bot.shows(/^Ready as runner\.$/m);
  return { discord, api, bot };
}

function aUse(change: Partial<Used> = {}): Used {
  return {
    id: '1300000000000000001',
    command: 'cc',
    prompt: 'hello',
    user: FRIEND,
    channel: CHANNEL,
    ...change,
  };
}

const thinking = { content: null, isEphemeral: false };

describe('a prompt in a channel', () => {
  it('is queued, and its answer comes to the channel', async () => {
    const { discord, api } = await setUp();
    const use = aUse({ prompt: 'hello there' });
    discord.use(use);
    const task = await taken(api);
    expect(task).toMatchObject({
      type: 'claude-cli',
      prompt: 'hello there',
      sessionId: `discord:${CHANNEL}`,
    });
    expect(task).toMatchObject({ origin: 'discord', dispatchMode: 'direct-command', entrypoint: 'cc' });
    const queued = { content: `Queued as ${task.id}.`, isEphemeral: false };
    expect(await discord.responses(use.id, 2)).toEqual([thinking, queued]);
    await finish(api, task.id, 'General Kenobi!');
    expect(await discord.channel(CHANNEL, 1)).toEqual(['General Kenobi!']);
  });

  it('continues the conversation of its channel or thread, and of no other', async () => {
    const { discord, api } = await setUp();
    const channels = [CHANNEL, CHANNEL, THREAD];
    const sessions: string[] = [];
    for (const [at, channel] of channels.entries()) {
      discord.use(aUse({ id: `140000000000000000${at}`, command: 'codex', channel }));
      const { id, type, sessionId } = await taken(api);
      expect(type).toBe('codex-cli');
      sessions.push(sessionId);
      await finish(api, id, 'done');
    }
    expect(sessions).toEqual(channels.map((channel) => `discord:${channel}`));
  });

  it('is one task, though its interaction comes again and is acknowledged again', async () => {
    const { discord, api } = await setUp();
    discord.isForgetful = true;
    const use = aUse({ command: 'gemini' });
    discord.use(use);
    const [, queued] = await discord.responses(use.id, 2);
    discord.use(use);
    expect((await discord.responses(use.id, 4)).slice(2)).toEqual([thinking, queued]);
    expect(await submitted(api)).toHaveLength(1);
  });

  it('is one task where Discord refuses the second acknowledgement, and the bot lives on', async () => {
    const { discord, api, bot } = await setUp();
    discord.use(aUse());
    await discord.responses(aUse().id, 2);
    discord.use(aUse());
    await eventually('the refusal', () => bot.err.includes('already been acknowledged'));
    expect(await submitted(api)).toHaveLength(1);
    discord.use(aUse({ id: '5' }));
    await discord.responses('5', 2);
    expect(await submitted(api)).toHaveLength(2);
  });
});

describe('what is not submitted', () => {
  it('is what a stranger asks for; only they are told', async () => {
    const { discord, api } = await setUp();
    const use = aUse({ user: STRANGER });
    discord.use(use);
    const content = `You may not use this bot: ALLOWED_USERS has no ${STRANGER}.`;
    expect(await discord.responses(use.id, 1)).toEqual([{ content, isEphemeral: true }]);
    expect(await submitted(api)).toEqual([]);
  });

  it('is an empty prompt, and a command that is not ours', async () => {
    const { discord, api } = await setUp();
    discord.use(aUse({ id: '6', command: 'constructor' }));
    const use = aUse({ prompt: '  ' });
    discord.use(use);
    const usage = { content: 'Usage: /cc <prompt>', isEphemeral: true };
    expect(await discord.responses(use.id, 1)).toEqual([usage]);
    expect(await discord.responses('6', 0)).toEqual([]);
    expect(await submitted(api)).toEqual([]);
  });

  it('is what the Task API refuses, and the channel is told why', async () => {
    const { discord, bot } = await setUp({ WORKER_TOKEN: 'not-the-token-of-this-task-api' });
    discord.use(aUse());
    const told = { content: 'Not queued: Unauthorized', isEphemeral: false };
    expect(await discord.responses(aUse().id, 2)).toEqual([thinking, told]);
    await eventually('the line for the operator', () => /refuses the token\.$/m.test(bot.err));
  });
});

describe('the bot', () => {
  it('registers its commands, and asks for no intent', async () => {
    const { discord } = await setUp();
    const prompt = expect.objectContaining({ name: 'prompt', required: true });
    const expected = ['cc', 'codex', 'gemini'].map((name) => ({ name, options: [prompt], contexts: [0, 1] }));
    expect(discord.commands).toMatchObject(expected);
    expect(discord.intents).toEqual([0]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const { bot } = await setUp();
    bot.kill(signal);
    expect(await bot.exit).toBe(0);
  });

  it.each(['', ',', '@somebody'])('does not start with ALLOWED_USERS="%s"', async (ALLOWED_USERS) => {
    const bot = launchBot('discord', { ALLOWED_USERS, DISCORD_BOT_TOKEN: DISCORD_TOKEN });
    expect(await bot.exit).toBe(1);
    expect(bot.err).toMatch(/^ALLOWED_USERS must be .+\.\n$/m);
    expect(bot.err).not.toMatch(/^\s+at /m);
  });

  it('does not start with a token that Discord refuses', async () => {
    const discord = await FakeDiscordGateway.start();
    onTestFinished(() => discord.stop());
    const bot = launchBot('discord', { ...discordOf(discord), DISCORD_BOT_TOKEN: 'wrong' });
    expect(await bot.exit).toBe(1);
    expect(bot.err).toMatch(/^.*invalid token.*\n$/m);
  });
});
