import { join } from 'node:path';
import type { JsonObject } from '../../queue/task.ts';
import { apiError, listOf, numberOf, objectOf, parseJsonLine, stringOf } from './json-lines.ts';
import {
  type AgentEvent,
  type AgentTask,
  end,
  type Provider,
  type SessionFolder,
  type SessionStart,
} from './provider.ts';
import { foldersIn, isThere, UUID_PATTERN } from './session-files.ts';
import { field, textOf } from './topic.ts';

/** Codex. Its sessions are `sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl`, wherever they were opened. */
export const codex: Provider = {
  type: 'codex-cli',
  label: 'codex',
  mode: {
    setting: 'RUNNER_CODEX_SANDBOX',
    name: 'sandbox',
    values: ['read-only', 'workspace-write', 'danger-full-access'],
    fallback: 'read-only',
    bypass: ['danger-full-access'],
  },
  versionFlag: '--version',
  fallsBack: false,
  environment: ['CODEX_HOME', 'CODEX_API_KEY', 'OPENAI_*'],
  sessions: {
    folder: (env, home) => join(env.CODEX_HOME || join(home, '.codex'), 'sessions'),
    folders: (folder, { recentAt }) =>
      recentAt === undefined ? allDays(folder) : lastDays(folder, recentAt),
    name: new RegExp(`(${UUID_PATTERN})\\.jsonl$`, 'i'),
    saidIn: (line) => spoken(line) ?? typed(line),
  },
  invocation: (task, session) => ({ args: codexArgs(task, session), stdin: task.prompt }),
  parse: (line) => parseJsonLine(line, read),
};

/** Neither sandbox nor directory is inherited by a resume, and both must stand before the word `resume`. */
function codexArgs(task: AgentTask, session: SessionStart): string[] {
  const args = ['exec', '--json', '-s', task.mode, '-C', task.cwd, '--skip-git-repo-check'];
  const [model] = task.models;
  if (model !== undefined) args.push('-m', model);
  if (session.resume) args.push('resume', session.id);
  return [...args, '-'];
}

function read(event: JsonObject): AgentEvent[] {
  switch (event.type) {
    case 'thread.started':
      return readThread(event);
    case 'item.started':
      return readCall(objectOf(event.item));
    case 'item.completed':
      return readItem(objectOf(event.item));
    case 'error':
      return [{ kind: 'trouble', ...apiError(stringOf(event.message) ?? 'error') }];
    case 'turn.failed': {
      const { message, cause } = apiError(stringOf(objectOf(event.error).message) ?? 'failed');
      return [end({ error: message, cause })];
    }
    case 'turn.completed':
      return [readCompleted(objectOf(event.usage))];
    default:
      return [];
  }
}

function readThread(event: JsonObject): AgentEvent[] {
  const id = stringOf(event.thread_id);
  return id === null ? [] : [{ kind: 'session', id, model: null }];
}

/** Told when it begins; what has no beginning is told when it is done. */
function readCall(item: JsonObject): AgentEvent[] {
  switch (item.type) {
    case 'command_execution':
      return [{ kind: 'tool', name: 'shell', input: stringOf(item.command) }];
    case 'mcp_tool_call': {
      const name = [item.server, item.tool]
        .map((part) => stringOf(part))
        .filter(Boolean)
        .join('.');
      return [{ kind: 'tool', name: name || 'mcp', input: JSON.stringify(item.arguments ?? null) }];
    }
    default:
      return [];
  }
}

function readItem(item: JsonObject): AgentEvent[] {
  switch (item.type) {
    case 'agent_message':
      return [{ kind: 'message', text: stringOf(item.text) ?? '', continues: false }];
    case 'file_change': {
      const paths = listOf(item.changes)
        .map((change) => stringOf(objectOf(change).path))
        .filter(Boolean);
      return [{ kind: 'tool', name: 'edit', input: paths.join(', ') || null }];
    }
    case 'web_search':
      return [{ kind: 'tool', name: 'web_search', input: stringOf(item.query) }];
    case 'error':
      return [{ kind: 'trouble', message: stringOf(item.message) ?? 'error' }];
    default:
      return [];
  }
}

function readCompleted(usage: JsonObject): AgentEvent {
  return end({
    usage: {
      inputTokens: numberOf(usage.input_tokens) ?? 0,
      cachedInputTokens: numberOf(usage.cached_input_tokens) ?? 0,
      outputTokens: numberOf(usage.output_tokens) ?? 0,
    },
  });
}

/** `{message: {role: "user", content: text or blocks}}` */
function spoken(line: unknown): string | undefined {
  const message = field(line, 'message');
  return field(message, 'role') === 'user' ? textOf(field(message, 'content')) : undefined;
}

/** `/new …` and `@bot /new …` are orders to a bot, no topics. */
const BOT_ORDER = /^(@\S+\s+)?\//;

/** `{type: "event_msg", payload: {type: "user_message", message: text}}` */
function typed(line: unknown): string | undefined {
  const payload = field(line, 'payload');
  if (field(line, 'type') !== 'event_msg' || field(payload, 'type') !== 'user_message') return undefined;
  const text = field(payload, 'message');
  const said = typeof text === 'string' ? text.trim() : '';
  return BOT_ORDER.test(said) ? undefined : said;
}

async function allDays(folder: string): Promise<SessionFolder[]> {
  let paths = [folder];
  for (let level = 0; level < 3; level++) {
    const below = await Promise.all(
      paths.map(async (path) => {
        const names = level === 0 ? await foldersIn(path) : await foldersIn(path).catch(() => []);
        return names.filter((name) => /^\d+$/.test(name)).map((name) => join(path, name));
      }),
    );
    paths = below.flat();
  }
  return paths.map((path) => ({ path }));
}

const RECENT_DAYS = 7;

/** Of the local calendar. */
async function lastDays(folder: string, now: number): Promise<SessionFolder[]> {
  await isThere(folder);
  const today = new Date(now);
  return Array.from({ length: RECENT_DAYS }, (_, ago) => {
    const day = new Date(today.getFullYear(), today.getMonth(), today.getDate() - ago);
    const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()];
    return { path: join(folder, ...parts.map((part) => String(part).padStart(2, '0'))) };
  });
}
