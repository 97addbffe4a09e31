/**
 * A Telegram bot: `/cc`, `/codex` and `/gemini` hand a prompt to the Task API, and say so. The answer comes from the
 * Task API itself, which calls the chat back when the prompt has ended. See README.md beside this file.
 */
import { Bot, type CommandContext, type Context } from 'grammy';
import { ClientError, TaskApiClient } from '../src/client/index.ts';

const TYPES = { cc: 'claude-cli', codex: 'codex-cli', gemini: 'gemini-cli' } as const;
const DESCRIPTIONS = { cc: 'Ask Claude Code', codex: 'Ask Codex', gemini: 'Ask Gemini' };
type Command = keyof typeof TYPES;
const COMMANDS = Object.keys(TYPES) as Command[];

/** Who asks waits no longer for a Task API that is away, and nobody else is served until then. */
const PATIENCE_MS = 5_000;
/** Milliseconds after which a stop waits no longer for a Telegram that is silent. */
const STOP_MS = 8_000;

interface Desk {
  taskApi: TaskApiClient;
  allowed: ReadonlySet<string>;
}

function createBot(desk: Desk): Bot {
  const apiRoot = (process.env.TELEGRAM_API_BASE_URL || 'https://api.telegram.org').replace(/\/+$/, '');
  const bot = new Bot(required('TELEGRAM_BOT_TOKEN'), { client: { apiRoot } });
  // What was forwarded is the words of somebody else, whoever has forwarded it.
  const written = bot.on('message').filter(({ message }) => message.forward_origin === undefined);
  for (const command of COMMANDS) {
    written.command(command, async (context) => {
      const { message_id } = context.message;
      const reply = { message_id, allow_sending_without_reply: true };
      await context.reply(await answerTo(command, context, desk), { reply_parameters: reply });
    });
  }
  bot.catch(({ error }) => complain(error));
  return bot;
}

async function answerTo(command: Command, context: CommandContext<Context>, desk: Desk): Promise<string> {
  const user = String(context.from?.id);
  if (!desk.allowed.has(user)) return `You may not use this bot: ALLOWED_USERS has no ${user}.`;
  if (context.match.trim() === '') return `Usage: /${command} <prompt>`;
  try {
    const { taskId } = await submit(command, context, desk);
    return `Queued as ${taskId}.`;
  } catch (error) {
    complain(error);
    if (!(error instanceof ClientError)) return 'Perhaps not queued: this bot is broken.';
    return `${error.mayBeDone ? 'Perhaps not queued' : 'Not queued'}: ${error.reason}`;
  }
}

function submit(command: Command, { me, msg, match, update }: CommandContext<Context>, { taskApi }: Desk) {
  // Outside topics a thread is a chain of replies, to which nothing can be sent.
  const topic = msg.is_topic_message ? String(msg.message_thread_id) : undefined;
  const target = String(msg.chat.id);
  const fields = {
    prompt: match,
    sessionId: ['telegram', target, topic].filter((part) => part !== undefined).join(':'),
    origin: 'telegram',
    dispatchMode: 'direct-command',
    callback: { kind: 'telegram' as const, target, ...(topic !== undefined && { threadId: topic }) },
  };
  // An update that was not confirmed comes again: it is the same task.
  return taskApi.tasks.submit(TYPES[command], fields, {
    idempotencyKey: `telegram:${me.id}:${update.update_id}`,
  });
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

async function main(): Promise<void> {
  const allowed = allowedUsers();
  const url = process.env.WORKER_URL || 'http://127.0.0.1:3456';
  const taskApi = new TaskApiClient({ url, token: required('WORKER_TOKEN'), patienceMs: PATIENCE_MS });
  const bot = createBot({ taskApi, allowed });
  let isStopping = false;
  const stop = () => {
    isStopping = true;
    bot.stop().catch(complain);
    setTimeout(() => process.exit(), STOP_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const onStart = async ({ username }: { username: string }) => {
    await bot.api.setMyCommands(COMMANDS.map((command) => ({ command, description: DESCRIPTIONS[command] })));
    say(`Ready as @${username}.`);
  };
  await bot.start({ onStart, allowed_updates: ['message'] }).catch((error) => {
    // A start that is broken off fails.
    if (!isStopping) throw error;
  });
}

await main().catch((error) => {
  complain(error);
  process.exitCode = 1;
});
