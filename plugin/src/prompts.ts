/** `/cc`, `/cx`, `/gemini` and theirs: what a chat says to an AI CLI. */
import { randomUUID } from 'node:crypto';
import { ClientError, type TaskApiClient } from '../../src/client/index.ts';
import type { CliName } from '../../src/queue/task.ts';
import { type Chat, chatOfCommand } from './chat.ts';
import { messageOf } from './errors.ts';
import type { Follower } from './follower.ts';
import type { Conversation, Memory } from './memory.ts';
import type { Command, CommandContext } from './openclaw.ts';
import { refusals } from './refusals.ts';
import { submissionOf } from './submission.ts';
import { ago, cut, nameOf } from './texts.ts';
import { wayBack } from './way-back.ts';

export interface PromptParts {
  client: () => TaskApiClient;
  memory: Memory;
  follower: Follower;
  /** Milliseconds that a prompt may take. */
  promptTimeoutMs: number;
  now: () => number;
}

interface Cli {
  /** `/codex` is a name that OpenClaw keeps for itself. */
  command: string;
  name: CliName;
  label: string;
}

const CLIS: readonly Cli[] = [
  { command: 'cc', name: 'claude', label: 'Claude Code' },
  { command: 'cx', name: 'codex', label: 'Codex' },
  { command: 'gemini', name: 'gemini', label: 'Gemini' },
];

const RECENT = 8;
const TOPIC_CHARS = 60;

export function promptCommands(parts: PromptParts): Command[] {
  return CLIS.flatMap((cli) => new PromptCommands(cli, parts).all());
}

class PromptCommands {
  readonly #cli: Cli;
  readonly #parts: PromptParts;

  constructor(cli: Cli, parts: PromptParts) {
    this.#cli = cli;
    this.#parts = parts;
  }

  all(): Command[] {
    const { command, label } = this.#cli;
    return [
      this.#command('', `Ask ${label}; it goes on from the last prompt here`, (chat, args) =>
        this.#ask(chat, args),
      ),
      this.#command('-new', `Begin anew with ${label}`, (chat, args) => this.#askAnew(chat, args)),
      this.#command('-now', `Which session of ${label} /${command} goes on with`, (chat) =>
        this.#current(chat),
      ),
      this.#command('-recent', `The latest sessions of ${label}`, (chat) => this.#recent(chat)),
      this.#command('-resume', `Go on with another session of ${label}`, (chat, args) =>
        this.#resume(chat, args),
      ),
    ];
  }

  #command(
    suffix: string,
    description: string,
    run: (chat: Chat, args: string) => Promise<string> | string,
  ): Command {
    const handler = ({ args = '', ...context }: CommandContext) =>
      refusals(async () => run(chatOfCommand(context), args.trim()));
    return {
      name: `${this.#cli.command}${suffix}`,
      description,
      acceptsArgs: true,
      requireAuth: true,
      handler,
    };
  }

  async #ask(chat: Chat, prompt: string): Promise<string> {
    if (prompt === '') return this.#usage(chat);
    const { memory, client, follower, promptTimeoutMs: timeout } = this.#parts;
    const conversation = this.#key(chat);
    // Ours from the first prompt on: a second one that comes at once belongs to it, and waits behind it.
    const known = memory.conversation(conversation);
    const { sessionId, lastTaskId } = known ?? begun();
    memory.converse(conversation, { sessionId, lastTaskId });
    const { command: entrypoint, name } = this.#cli;
    const fields = { ...submissionOf(chat, 'direct-command'), entrypoint, timeout, prompt, sessionId };
    const { taskId } = await this.#submit(
      () => client().tasks.submit(`${name}-cli`, fields),
      conversation,
      known,
    );
    memory.converse(conversation, { sessionId, lastTaskId: taskId });
    follower.follow(taskId, { conversation, webchat: chat.webchat });
    return this.#accepted(chat, taskId);
  }

  /** What was begun for a prompt that nobody has taken is no conversation. */
  async #submit<T>(submit: () => Promise<T>, key: string, known: Conversation | undefined): Promise<T> {
    try {
      return await submit();
    } catch (error) {
      const { memory } = this.#parts;
      const mayBeDone = error instanceof ClientError && error.mayBeDone;
      if (known === undefined && !mayBeDone && memory.conversation(key)?.lastTaskId === null)
        memory.forget(key);
      throw error;
    }
  }

  async #accepted(chat: Chat, taskId: string): Promise<string> {
    const [start, way] = await Promise.all([this.#start(taskId), wayBack(chat, this.#parts.client())]);
    return `${start}\n${way} /runner show ${nameOf(taskId)} tells how it goes.`;
  }

  /** That it waits, and for what, is told at once. It is stored: not to know more is no failure. */
  async #start(taskId: string): Promise<string> {
    const { label } = this.#cli;
    try {
      const { status, reason } = await this.#parts.client().tasks.state(taskId);
      const isWaiting = status === 'pending' && reason !== null;
      return isWaiting ? `⏳ ${label} has it in line. ${reason}` : `▶ ${label} is on it.`;
    } catch (error) {
      return `⏳ ${label} has it in line; how it goes is not known: ${messageOf(error)}`;
    }
  }

  #askAnew(chat: Chat, prompt: string): Promise<string> | string {
    this.#parts.memory.forget(this.#key(chat));
    if (prompt !== '') return this.#ask(chat, prompt);
    return `The next /${this.#cli.command} begins anew with ${this.#cli.label}.`;
  }

  #current(chat: Chat): string {
    const { command, label } = this.#cli;
    const conversation = this.#parts.memory.conversation(this.#key(chat));
    if (conversation === undefined) return `Nothing was asked of ${label} here; /${command} <prompt> begins.`;
    return `/${command} goes on with session ${conversation.sessionId} of ${label}; /${command}-new begins anew.`;
  }

  async #recent(chat: Chat): Promise<string> {
    const { command, name, label } = this.#cli;
    const sessions = await this.#parts.client().recent[name]({ limit: RECENT });
    if (sessions.length === 0) return `${label} has no sessions where the runner looks.`;
    const current = this.#parts.memory.conversation(this.#key(chat))?.sessionId;
    const lines = sessions.map(({ sessionId, topic, lastModified }) => {
      const here = sessionId === current ? ', the one of this chat' : '';
      const when = ago(Date.parse(lastModified), this.#parts.now());
      return `• ${cut(topic, TOPIC_CHARS)} (${when}${here})\n  ${sessionId}`;
    });
    return [`The latest sessions of ${label}:`, ...lines, `/${command}-resume <id> goes on with one.`].join(
      '\n',
    );
  }

  #resume(chat: Chat, args: string): Promise<string> | string {
    const { command, label } = this.#cli;
    const [, sessionId, prompt = ''] = /^(\S+)\s*([\s\S]*)$/.exec(args) ?? [];
    if (sessionId === undefined)
      return `/${command}-resume <id> [prompt] goes on with a session; /${command}-recent lists them.`;
    this.#parts.memory.converse(this.#key(chat), { sessionId, lastTaskId: null });
    if (prompt !== '') return this.#ask(chat, prompt);
    return `/${command} goes on with session ${sessionId} of ${label} now.`;
  }

  #usage(chat: Chat): string {
    const { command, label } = this.#cli;
    return [
      `/${command} <prompt> asks ${label} on your machine. ${this.#current(chat)}`,
      `/${command}-recent lists its sessions, /${command}-resume <id> goes on with one.`,
      '/runner shows what runs, and what waits and why.',
    ].join('\n');
  }

  #key({ key }: Chat): string {
    return `${this.#cli.name} ${key}`;
  }
}

function begun(): Conversation {
  return { sessionId: randomUUID(), lastTaskId: null };
}
