/** `/runner`: what runs, what waits and why, who is connected. */
import {
  type CallbackPause,
  type RunnerState,
  type TaskApiClient,
  TaskApiError,
  type TaskState,
  type TaskStatus,
} from '../../src/client/index.ts';
import { type Chat, chatOfCommand } from './chat.ts';
import type { Command, CommandContext } from './openclaw.ts';
import { outputSoFar } from './output-so-far.ts';
import { refusals } from './refusals.ts';
import { ago, cut, duration, nameOf, saidIn, tail, titleOf } from './texts.ts';

export interface RunnerParts {
  client: () => TaskApiClient;
  now: () => number;
}

/** More than a reader of a chat takes in. */
const SHOWN = 10;
const REASON_CHARS = 200;
/** Leaves room for the rest of one message of any chat. */
const OUTPUT_CHARS = 1_500;
/** As many as one page of the Task API has. */
const SEARCHED = 500;

/** Of a task that has ended. */
const WORDS: Record<string, string> = {
  completed: 'was done',
  failed: 'failed',
  cancelled: 'was cancelled',
};

const USAGE = [
  '/runner shows what runs, what waits and why, and who is connected.',
  '/runner show [task] tells how a task goes; without one it is the last of this chat.',
  '/runner cancel [task] stops it.',
].join('\n');

export function runnerCommand(parts: RunnerParts): Command {
  const handler = (context: CommandContext) => refusals(() => new RunnerCommand(context, parts).answer());
  const description = 'What your runner does: tasks, why they wait, cancel';
  return { name: 'runner', description, acceptsArgs: true, requireAuth: true, handler };
}

class RunnerCommand {
  readonly #client: TaskApiClient;
  readonly #now: number;
  readonly #chat: Chat;
  readonly #args: string;

  constructor(context: CommandContext, { client, now }: RunnerParts) {
    this.#client = client();
    this.#now = now();
    this.#chat = chatOfCommand(context);
    this.#args = context.args?.trim() ?? '';
  }

  async answer(): Promise<string> {
    const [word = '', ...rest] = this.#args.split(/\s+/);
    const [name] = rest;
    if (rest.length > 1) return USAGE;
    if (word === '') return this.#overview();
    if (word === 'show') return this.#show(name);
    return word === 'cancel' ? this.#cancel(name) : USAGE;
  }

  async #overview(): Promise<string> {
    const [runners, running, pending, owed] = await Promise.all([
      this.#client.runners(),
      this.#client.tasks.list({ status: 'running', limit: SEARCHED }),
      this.#client.tasks.list({ status: 'pending', limit: SEARCHED }),
      this.#client.callbacks.list({ limit: 1 }),
    ]);
    const paragraphs = [
      this.#runners(runners),
      await this.#tasks('Running', running.tasks),
      // The next one first.
      await this.#tasks('Waiting', pending.tasks.reverse()),
      this.#paused(owed.pauses),
    ];
    return paragraphs.filter((text) => text !== '').join('\n\n');
  }

  #runners(all: readonly RunnerState[]): string {
    const connected = all.filter((runner) => runner.connected);
    if (connected.length === 0) return 'No runner is connected: start one with `npm run runner`.';
    const lines = connected.map(({ runnerId, running, slots, problem, paused }) => {
      const load = slots === null ? '' : `, ${running ?? 0} of ${slots} slots in use`;
      const pauses = paused
        .map(({ type, reason }) => `; takes no ${type}: ${cut(reason, REASON_CHARS)}`)
        .join('');
      return `• ${runnerId}${load}${pauses}${problem === null ? '' : `; ${problem}`}`;
    });
    return ['Connected', ...lines].join('\n');
  }

  async #tasks(title: string, tasks: readonly TaskState[]): Promise<string> {
    if (tasks.length === 0) return title === 'Running' ? 'Nothing runs.' : '';
    const states = await Promise.all(
      tasks.slice(0, SHOWN).map(({ taskId }) => this.#client.tasks.state(taskId)),
    );
    const more =
      tasks.length > SHOWN
        ? [`• and ${tasks.length === SEARCHED ? 'more than ' : ''}${tasks.length - SHOWN} more`]
        : [];
    return [title, ...states.map((state) => `• ${this.#line(state)}`), ...more].join('\n');
  }

  #line(state: TaskState): string {
    const { status, startedAt, createdAt, reason } = state;
    const since = duration(this.#now - (startedAt ?? createdAt));
    const why = status === 'pending' && reason !== null ? `: ${cut(reason, REASON_CHARS)}` : '';
    const where = status === 'running' ? ` on ${state.runnerId ?? 'a runner'}` : '';
    return `${titleOf(state)}, ${since}${where}${state.cancelRequested ? ', asked to stop' : ''}${why}`;
  }

  /** Answers that can't be sent. */
  #paused(pauses: readonly CallbackPause[]): string {
    if (pauses.length === 0) return '';
    const lines = pauses.map(({ kind, target, error, since }) => {
      return `• ${kind}${target === null ? '' : ` ${target}`}, ${ago(since, this.#now)}: ${cut(error, REASON_CHARS)}`;
    });
    return ['Answers wait, since they were refused', ...lines].join('\n');
  }

  async #show(name: string | undefined): Promise<string> {
    const state = await this.#find(name);
    if (typeof state === 'string') return state;
    if (state.status === 'pending') return `${titleOf(state)} waits. ${state.reason ?? ''}`.trim();
    // What a task says is for the chat that has asked for it.
    const isHere = state.tags.includes(this.#chat.tag);
    if (state.status === 'running')
      return `${this.#running(state)} ${isHere ? await this.#said(state.taskId) : ''}`.trim();
    const first = `${titleOf(state)} ${WORDS[state.status]} ${ago(state.completedAt ?? this.#now, this.#now)}.`;
    return isHere ? `${first}\n${await this.#outcome(state)}` : first;
  }

  #running({ startedAt, runnerId, ...state }: TaskState): string {
    return `${titleOf(state)} has run for ${duration(this.#now - (startedAt ?? this.#now))} on ${runnerId ?? 'a runner'}.`;
  }

  async #said(taskId: string): Promise<string> {
    const output = tail(await outputSoFar(this.#client, taskId), OUTPUT_CHARS);
    return output === '' ? 'It has said nothing yet.' : `So far:\n${output}`;
  }

  async #outcome(state: TaskState): Promise<string> {
    if (state.readAt !== null) return 'Its result was read, and is gone.';
    const { result } = await this.#client.tasks.outcome(state.taskId);
    return result === null ? 'Its result is gone.' : tail(saidIn(state, result), OUTPUT_CHARS);
  }

  async #cancel(name: string | undefined): Promise<string> {
    const state = await this.#find(name, ['running', 'pending']);
    if (typeof state === 'string') return state;
    const { status } = await this.#client.tasks.cancel(state.taskId);
    return status === 'cancelled'
      ? `${titleOf(state)} is cancelled.`
      : `${titleOf(state)} is asked to stop; its runner ends it within seconds.`;
  }

  /** A task, or that there is none. Without a name the last of this chat, of those with these statuses. */
  async #find(name: string | undefined, statuses?: readonly TaskStatus[]): Promise<TaskState | string> {
    const { tasks } = await this.#client.tasks.list({ tag: this.#chat.tag, limit: SEARCHED });
    const here =
      name === undefined
        ? tasks.find(({ status }) => statuses?.includes(status) ?? true)
        : tasks.find(({ taskId }) => isCalled(taskId, name));
    const found = here ?? (name === undefined ? undefined : await this.#elsewhere(name));
    if (found !== undefined) return this.#client.tasks.state(found.taskId);
    return name === undefined ? 'There is no such task of this chat.' : `No task is called ${name}.`;
  }

  async #elsewhere(name: string): Promise<TaskState | undefined> {
    for await (const task of this.#client.tasks.iterate({ limit: SEARCHED }))
      if (isCalled(task.taskId, name)) return task;
    // Lists have no tasks whose result was read.
    return this.#client.tasks.state(name).catch((error: unknown) => {
      if (error instanceof TaskApiError && error.status === 404) return undefined;
      throw error;
    });
  }
}

function isCalled(taskId: string, name: string): boolean {
  return taskId === name || nameOf(taskId) === name;
}
