/**
 * A Discord bot: `/cc`, `/codex` and `/gemini` hand a prompt to the Task API, and say so. The answer comes from the
 * Task API itself, which calls the channel back when the prompt has ended. See README.md beside this file.
 */
import {
  ApplicationCommandOptionType,
  type ChatInputCommandInteraction,
  Client,
  Events,
  InteractionContextType,
  MessageFlags,
} from 'discord.js';
import { ClientError, TaskApiClient } from '../src/client/index.ts';

const TYPES = { cc: 'claude-cli', codex: 'codex-cli', gemini: 'gemini-cli' } as const;
const DESCRIPTIONS = { cc: 'Ask Claude Code', codex: 'Ask Codex', gemini: 'Ask Gemini' };
type Command = keyof typeof TYPES;
const COMMANDS = Object.keys(TYPES) as Command[];

/** Who asks waits no longer for a Task API that is away. */
const PATIENCE_MS = 5_000;
/** Milliseconds after which a stop waits no longer: discord.js ends no connection that is being made. */
const STOP_MS = 8_000;

interface Desk {
  taskApi: TaskApiClient;
  allowed: ReadonlySet<string>;
}

function createBot(desk: Desk): Client {
  // As the Task API takes it, with the version at its end, which discord.js adds itself.
  const base = process.env.DISCORD_API_BASE_URL || 'https://discord.com/api/v10';
  const rest = { api: base.replace(/(\/v\d+)?\/*$/, '') };
  // Slash commands need no intents.
  const client = new Client({ intents: [], rest, allowedMentions: { parse: [] } });
  client.on(Events.InteractionCreate, (interaction) => {
    const isOurs = interaction.isChatInputCommand() && Object.hasOwn(TYPES, interaction.commandName);
    if (isOurs) answer(interaction, desk).catch(complain);
  });
  client.on(Events.Error, complain);
  client.on(Events.ShardError, complain);
  return client;
}

async function answer(interaction: ChatInputCommandInteraction, desk: Desk): Promise<void> {
  const refusal = refusalOf(interaction, desk);
  if (refusal !== null) {
    await interaction.reply({ content: refusal, flags: MessageFlags.Ephemeral });
    return;
  }
  // Discord waits 3 seconds. Visible, since the answer will be.
  await interaction.deferReply();
  await interaction.editReply(await submitted(interaction, desk));
}

/** Null for what is to be submitted. */
function refusalOf({ user, options, commandName }: ChatInputCommandInteraction, desk: Desk): string | null {
  if (!desk.allowed.has(user.id)) return `You may not use this bot: ALLOWED_USERS has no ${user.id}.`;
  return options.getString('prompt')?.trim() ? null : `Usage: /${commandName} <prompt>`;
}

async function submitted(interaction: ChatInputCommandInteraction, { taskApi }: Desk): Promise<string> {
  const { id, channelId, options } = interaction;
  const fields = {
    prompt: options.getString('prompt', true),
    sessionId: `discord:${channelId}`,
    origin: 'discord',
    dispatchMode: 'direct-command',
    callback: { kind: 'discord' as const, target: channelId },
  };
  try {
    const type = TYPES[interaction.commandName as Command];
    // An interaction that comes again is the same task.
    const { taskId } = await taskApi.tasks.submit(type, fields, { idempotencyKey: `discord:${id}` });
    return `Queued as ${taskId}.`;
  } catch (error) {
    complain(error);
    if (!(error instanceof ClientError)) return 'Perhaps not queued: this bot is broken.';
    return `${error.mayBeDone ? 'Perhaps not queued' : 'Not queued'}: ${error.reason}`;
  }
}

/** In the place of all commands that the application had. */
async function register(client: Client<true>): Promise<void> {
  const { String: type } = ApplicationCommandOptionType;
  const prompt = { type, name: 'prompt', description: 'What to do', required: true } as const;
  const contexts = [InteractionContextType.Guild, InteractionContextType.BotDM];
  await client.application.commands.set(
    COMMANDS.map((name) => ({ name, description: DESCRIPTIONS[name], options: [prompt], contexts })),
  );
}

function required(name: string): string {
  const value = process.env[name]?.trim();
  if (value) return value;
  throw new Error(`${name} is not set; examples/README.md says what it is.`);
}

function allowedUsers(): Set<string> {
  const ids = (process.env.ALLOWED_USERS ?? '').split(',').map((id) => id.trim());
  if (ids.every((id) => /^\d+$/.test(id))) return new Set(ids);
  throw new Error(
    'ALLOWED_USERS must be the numeric ids of those who may use this bot, comma-separated: whoever may write to it runs code on the machine of the runner.',
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function complain(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
}

function main(): void {
  const allowed = allowedUsers();
  const url = process.env.WORKER_URL || 'http://127.0.0.1:3456';
  const taskApi = new TaskApiClient({ url, token: required('WORKER_TOKEN'), patienceMs: PATIENCE_MS });
  const client = createBot({ taskApi, allowed });
  const end = () => {
    client.destroy().catch(complain);
    setTimeout(() => process.exit(), STOP_MS).unref();
  };
  const fail = (error: unknown) => {
    complain(error);
    process.exitCode = 1;
    end();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  client.once(Events.ClientReady, (ready) => {
    register(ready).then(() => say(`Ready as ${ready.user.username}.`), fail);
  });
  client.on(Events.ShardDisconnect, ({ code }) => fail(`Discord has ended the session for good (${code}).`));
  client.login(required('DISCORD_BOT_TOKEN')).catch(fail);
}

try {
  main();
} catch (error) {
  complain(error);
  process.exitCode = 1;
}
