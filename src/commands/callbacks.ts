/** `openclaw-runner callbacks`: messages that are owed to chats and webhooks, and what keeps them from arriving. */
import { type Command, Option } from 'commander';
import {
  type CallbackPage,
  type CallbackPause,
  type CallbackState,
  type TaskApiClient,
  TaskApiError,
} from '../client/index.ts';
import { CALLBACK_STATUSES, type CallbackStatus } from '../destination.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, count, type Reaching, reaching } from './connect.ts';
import { CommandError } from './failure.ts';
import { inLine, print, printJson, type styled, tell, terminalWidth, wrapped } from './output.ts';
import { type Column, table } from './table.ts';
import { away } from './times.ts';

/** Callbacks that one request lists at most. */
const PAGE = 500;

interface ListOptions extends Reaching {
  status?: CallbackStatus;
  task?: string;
  limit: number;
}

const STYLES: Record<CallbackStatus, Parameters<typeof styled>[0]> = {
  pending: 'yellow',
  paused: 'magenta',
  dead: 'red',
};

/** In narrower terminals the ids leave no room for more than where it goes. */
const ROOM_FOR_STORY = 110;
const ROOM_FOR_TASK = 150;

export function addCallbacks(add: Add, env: Environment): void {
  const callbacks = add('callbacks', 'messages that are owed to chats and webhooks');
  const command = (name: string, does: string, options?: { isDefault: boolean }): Command =>
    reaching(callbacks.command(name, options ?? {}).description(does));
  command('list', 'lists them, the newest first', { isDefault: true })
    .addOption(new Option('--status <status>', 'only these').choices(CALLBACK_STATUSES))
    .option('--task <id>', 'only those of this task')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(20))
    .action((options: ListOptions) => list(connect(env, options), options));
  command('replay', 'sends dead ones again, and tries paused ones now')
    .argument('<callbacks...>', 'their ids')
    .action((ids: string[], options: Reaching) => replay(connect(env, options), ids, options));
}

async function list({ client, clock }: Connected, options: ListOptions): Promise<void> {
  const found = await pages(client, options);
  if (options.json) return void (await printJson(found));
  const { callbacks, nextCursor } = found;
  const isFiltered = options.status !== undefined || options.task !== undefined;
  if (callbacks.length === 0) tell(isFiltered ? 'No callback is like that.' : 'No callback is owed.');
  const [now, width] = [clock.wall(), terminalWidth()];
  const shown = callbacks.length === 0 ? [] : [await table(columns(now, width), callbacks, { width })];
  // What is paused has nothing to do with others that were asked for.
  const pauses = isFiltered && !callbacks.some(({ status }) => status === 'paused') ? [] : found.pauses;
  const notes = [
    ...(width === null ? [] : errorsOf(callbacks)),
    ...pauses.map((pause) => noteOn(pause, now)),
  ];
  if (notes.length > 0) shown.push(notes.map((note) => wrapped(inLine(note), 2)).join('\n'));
  if (shown.length > 0) await print(shown.join('\n\n'));
  if (nextCursor !== null && process.stdout.isTTY)
    tell(`There are more than these ${options.limit}; --limit shows them.`);
}

/** Page by page, as many as were asked for. */
async function pages(client: TaskApiClient, { status, task, limit }: ListOptions): Promise<CallbackPage> {
  let cursor: string | undefined;
  const callbacks: CallbackState[] = [];
  for (;;) {
    const wanted = Math.min(PAGE, limit - callbacks.length);
    const page = await client.callbacks.list({ status, taskId: task, limit: wanted, cursor });
    callbacks.push(...page.callbacks);
    cursor = page.nextCursor ?? undefined;
    if (cursor === undefined || callbacks.length >= limit) return { ...page, callbacks };
  }
}

/** Of several those that are gone, or on their way already, are told at the end. */
async function replay({ client }: Connected, ids: string[], { json = false }: Reaching): Promise<void> {
  const refused: { id: string; error: TaskApiError }[] = [];
  for (const id of ids) {
    try {
      const callback = await client.callbacks.replay(id);
      await (json ? printJson(callback) : print(`${inLine(callback.id)} is ${callback.status} again.`));
    } catch (error) {
      if (ids.length === 1 || !isOfOne(error)) throw error;
      refused.push({ id, error });
    }
  }
  const [first] = refused;
  if (first === undefined) return;
  const why = refused.map(({ id, error }) => `${id}: ${error.reason}`).join('; ');
  const error = `${refused.length} of ${ids.length} were not replayed. ${why}`;
  throw new CommandError({ error, code: first.error.code }, []);
}

/** It says nothing about other callbacks. */
function isOfOne(error: unknown): error is TaskApiError {
  return error instanceof TaskApiError && (error.code === 'not_found' || error.code === 'not_dead');
}

function columns(now: number, width: number | null): Column<CallbackState>[] {
  const from = (least: number, ...given: Column<CallbackState>[]) =>
    width === null || width >= least ? given : [];
  const sent = ({ chunksSent, chunks }: CallbackState) => (chunks > 1 ? `${chunksSent} of ${chunks}` : '');
  const next = ({ nextAttemptAt: at }: CallbackState) => (at === null ? '' : away(at, now));
  return [
    { title: 'CALLBACK', text: ({ id }) => id },
    { title: 'STATUS', text: ({ status }) => status, style: ({ status }) => STYLES[status] },
    { title: 'TO', text: placeOf, cut: true },
    { title: 'NEXT', text: next, spare: true },
    ...from(
      ROOM_FOR_STORY,
      { title: 'TELLS', text: ({ moment }) => moment, spare: true },
      { title: 'SENT', text: sent, spare: true },
      { title: 'ATTEMPTS', text: ({ attempts }) => String(attempts), spare: true },
    ),
    ...from(ROOM_FOR_TASK, { title: 'TASK', text: ({ taskId }) => taskId, spare: true }),
    // In a terminal they stand below, where there is room for them.
    ...from(Number.POSITIVE_INFINITY, { title: 'ERROR', text: ({ lastError }) => lastError ?? '' }),
  ];
}

/** `telegram -1001234567890/5`, the topic behind the chat. */
function placeOf({ kind, target, threadId }: Pick<CallbackState, 'kind' | 'target' | 'threadId'>): string {
  return `${kind} ${target}${threadId === null ? '' : `/${threadId}`}`;
}

/** Each once, with where it happened; of what is paused the pause says it. */
function errorsOf(callbacks: readonly CallbackState[]): string[] {
  const lines = callbacks.flatMap((callback) =>
    callback.lastError === null || callback.status === 'paused'
      ? []
      : [`${placeOf(callback)}: ${callback.lastError}`],
  );
  return [...new Set(lines)];
}

function noteOn({ kind, target, error, nextProbeAt }: CallbackPause, now: number): string {
  const what = target === null ? `${kind}, all that goes with one credential,` : `${kind} ${target}`;
  return `${what} is paused, tried again ${away(nextProbeAt, now)}: ${error}`;
}
