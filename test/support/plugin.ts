/** The plugin as a gateway has it: commands that people write, and tools that a model calls, in front of a Task API. */
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import type { Webchat } from '../../plugin/src/chat.ts';
import { Follower } from '../../plugin/src/follower.ts';
import { Memory } from '../../plugin/src/memory.ts';
import type { CommandContext, PluginApi, Reply, Tool, ToolContext } from '../../plugin/src/openclaw.ts';
import { promptCommands } from '../../plugin/src/prompts.ts';
import { runnerCommand } from '../../plugin/src/runner-command.ts';
import { registerTools } from '../../plugin/src/tools/index.ts';
import { TaskApiClient } from '../../src/client/index.ts';
import type { NewTask } from '../../src/queue/task.ts';
import { type Api, TOKEN } from './http.ts';
import { tempFolder } from './temp-folder.ts';

/** Somebody in a chat of Telegram. */
export const HERE: CommandContext = {
  channel: 'telegram',
  channelId: 'telegram',
  from: 'telegram:777',
  to: 'telegram:777',
  accountId: 'default',
};
export const ELSEWHERE: CommandContext = { ...HERE, from: 'telegram:888', to: 'telegram:888' };

/** An agent that was asked in the chat of `HERE`. */
export const AGENT: ToolContext = {
  sessionKey: 'agent:main:main',
  messageChannel: 'telegram',
  deliveryContext: { channel: 'telegram', to: 'telegram:777', accountId: 'default' },
};

/** Somebody in the gateway's own pages, and an agent that was asked there. */
export const WEBCHAT: CommandContext = {
  ...{ channel: 'webchat', channelId: 'webchat', from: 'agent:main:main', to: 'agent:main:main' },
  ...{ agentId: 'main', sessionKey: 'agent:main:main' },
};
export const WEBCHAT_AGENT: ToolContext = {
  ...{ agentId: 'main', sessionKey: 'agent:main:main', messageChannel: 'webchat' },
  deliveryContext: { channel: 'webchat' },
};

export interface PluginOptions {
  /** Of another front of the Task API than its own. */
  url?: string;
  client?: () => TaskApiClient;
  /** Where it keeps what it remembers. */
  folder?: string;
  waitMs?: number;
  write?: (webchat: Webchat, taskId: string, text: string) => Promise<void>;
}

export const PROMPT_TIMEOUT_MS = 900_000;

export class TestPlugin {
  readonly client: () => TaskApiClient;
  readonly memory: Memory;
  readonly follower: Follower;
  /** What the plugin has written into conversations of the gateway. */
  readonly written: { webchat: Webchat; taskId: string; text: string }[] = [];
  readonly warnings: string[] = [];
  readonly folder: string;
  readonly #handlers = new Map<string, (context: CommandContext) => Promise<Reply>>();
  readonly #tools = new Map<string, (context: ToolContext) => Tool | null>();

  /** Its time is the Task API's. */
  constructor(api: Pick<Api, 'url' | 'clock'>, options: PluginOptions = {}) {
    const { url = api.url, folder = tempFolder(), waitMs = 60_000 } = options;
    const client = new TaskApiClient({ url, token: TOKEN, patienceMs: 0, clock: api.clock });
    this.client = options.client ?? (() => client);
    this.folder = folder;
    const warn = (message: string) => void this.warnings.push(message);
    this.memory = new Memory(() => join(folder, 'memory.json'), warn);
    const write = async (webchat: Webchat, taskId: string, text: string) =>
      void this.written.push({ webchat, taskId, text });
    const { memory } = this;
    this.follower = new Follower({ client: this.client, memory, write: options.write ?? write, warn });
    onTestFinished(() => this.follower.stop());
    const now = () => api.clock.wall();
    const { follower } = this;
    const parts = { client: this.client, memory, follower, promptTimeoutMs: PROMPT_TIMEOUT_MS, now };
    for (const command of [...promptCommands(parts), runnerCommand({ client: this.client, now })])
      this.#handlers.set(command.name, command.handler);
    const registerTool: PluginApi['registerTool'] = (factory, { name }) => this.#tools.set(name, factory);
    const toolParts = { client: this.client, follower, waitMs, promptTimeoutMs: PROMPT_TIMEOUT_MS };
    registerTools({ registerTool } as PluginApi, toolParts);
  }

  /** What the chat is answered to `/name arguments`. */
  async say(text: string, context: CommandContext = HERE): Promise<string> {
    return (await this.reply(text, context)).text;
  }

  reply(text: string, context: CommandContext = HERE): Promise<Reply> {
    const [, name = '', args] = /^\/(\S+)(?:\s([\s\S]*))?$/.exec(text) ?? [];
    const handler = this.#handlers.get(name);
    if (handler === undefined) throw new Error(`there is no command ${name}`);
    return handler({ ...context, ...(args !== undefined && { args }) });
  }

  tool(name: string, context: ToolContext = AGENT): Tool {
    const tool = this.#tools.get(name)?.(context);
    if (!tool) throw new Error(`there is no tool ${name}`);
    return tool;
  }

  /** What the model gets, which must be the same as what a program gets. */
  async call(
    name: string,
    params: object,
    { context = AGENT, signal }: { context?: ToolContext; signal?: AbortSignal } = {},
  ): Promise<Record<string, unknown>> {
    const { content, details } = await this.tool(name, context).execute('call-1', params as never, signal);
    expect(content.map(({ type, text }) => [type, JSON.parse(text)])).toEqual([['text', details]]);
    return details as Record<string, unknown>;
  }
}

const RUNNER = { runnerId: 'laptop', instanceId: 'laptop-1' };

/** The far end of a task: a runner that does what the test says. */
export class StandInRunner {
  readonly #worker;

  constructor({ url }: Pick<Api, 'url'>) {
    this.#worker = new TaskApiClient({ url, token: TOKEN, patienceMs: 0 }).worker;
  }

  /** Says that it is there. */
  async connect(more: { problem?: string; paused?: Paused[]; leases?: string[] } = {}): Promise<void> {
    const { leases = [], ...said } = more;
    await this.#worker.heartbeat({ ...RUNNER, leases, spooled: [], slots: 2, capabilities: {}, ...said });
  }

  /** The next task. */
  async take() {
    const [task] = [await this.#worker.poll({ ...RUNNER, max: 1, wait: 1_000 })].flat();
    if (!task) throw new Error('there is no task to take');
    const { id: taskId, leaseId = '' } = task;
    let seq = 0;
    const print = (chunk: string, stream: 'stdout' | 'stderr' | 'transcript' = 'stdout') => {
      seq += 1;
      return this.#worker.output({ leaseId, seq, stream, chunk });
    };
    const finish = (result: Partial<Said> = {}) =>
      this.#worker.result({ taskId, leaseId, stdout: '', stderr: '', exitCode: 0, error: null, ...result });
    return { ...task, taskId, leaseId, print, finish };
  }
}

interface Paused {
  type: 'claude-cli';
  until: number | null;
  reason: string;
}

interface Said {
  stdout: string;
  stderr: string;
  exitCode: number;
  error: string | null;
  metadata: { sessionId?: string };
}

/** What the Task API has stored, oldest first, as it was submitted. */
export function submissionsOf({ queue }: Api): () => NewTask[] {
  const submit = vi.spyOn(queue, 'submit');
  onTestFinished(() => submit.mockRestore());
  return () => submit.mock.calls.map(([task]) => task);
}
