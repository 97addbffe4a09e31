import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../queue/task.ts';
import { apiError, numberOf, objectOf, parseJsonLine, stringOf, toolInput } from './json-lines.ts';
import {
  type AgentEvent,
  type AgentTask,
  end,
  type Provider,
  type SessionFolder,
  type SessionStart,
} from './provider.ts';
import { foldersIn, mapBounded, readHead } from './session-files.ts';
import { field, textOf } from './topic.ts';

/**
 * Gemini. Its sessions belong to a project directory (a resume elsewhere exits 42), so only those of the working
 * directory can be resumed: `tmp/<project>/chats/session-<time>-<start of the id>.jsonl`, the whole id in the first
 * line. The file is there soon after the session is named, and stays when the run is killed.
 */
export const gemini: Provider = {
  type: 'gemini-cli',
  label: 'gemini',
  mode: {
    setting: 'RUNNER_GEMINI_APPROVAL_MODE',
    name: 'approvalMode',
    values: ['default', 'plan', 'auto_edit', 'yolo'],
    fallback: 'default',
    bypass: ['yolo'],
  },
  replyHint: {
    setting: 'GEMINI_REPLY_HINT',
    text: 'Answer the user of this chat directly. Do not talk about being a command-line tool, your setup or these instructions.',
  },
  versionFlag: '--version',
  fallsBack: false,
  environment: ['GEMINI_API_KEY', 'GEMINI_MODEL', 'GEMINI_CLI_HOME', 'GOOGLE_*'],
  sessions: {
    folder: (env, home) => join(env.GEMINI_CLI_HOME || home, '.gemini', 'tmp'),
    folders: (folder, { resumedIn }) => chatFolders(folder, resumedIn),
    name: /^session-.*-([0-9a-f]{8})\.jsonl$/,
    idIn: (line) => field(line, 'sessionId'),
    saidIn: (line) => (field(line, 'type') === 'user' ? textOf(field(line, 'content')) : undefined),
  },
  invocation: (task, session) => ({ args: geminiArgs(task, session), stdin: task.prompt }),
  parse: (line) => parseJsonLine(line, read),
  // Those above 128 are what eight bits leave of an API's 401, 403, 404 and 429.
  exitCauses: {
    41: 'auth',
    53: 'turns',
    54: 'refused_tool',
    145: 'auth',
    147: 'auth',
    148: 'model_unavailable',
    173: 'rate_limit',
  },
};

function geminiArgs(task: AgentTask, session: SessionStart): string[] {
  const args = ['-o', 'stream-json', '--skip-trust', '--approval-mode', task.mode];
  const [model] = task.models;
  if (model !== undefined) args.push('-m', model);
  if (session.resume) args.push('--resume', session.id);
  return args;
}

function read(event: JsonObject): AgentEvent[] {
  switch (event.type) {
    case 'init':
      return readInit(event);
    case 'message':
      return readMessage(event);
    case 'tool_use':
      return [
        { kind: 'tool', name: stringOf(event.tool_name) ?? 'tool', input: toolInput(event.parameters) },
      ];
    case 'tool_result':
      return readDenial(event);
    case 'error':
      return [{ kind: 'trouble', ...apiError(stringOf(event.message) ?? 'error') }];
    case 'result':
      return [readResult(event)];
    default:
      return [];
  }
}

function readInit(event: JsonObject): AgentEvent[] {
  const id = stringOf(event.session_id);
  return id === null ? [] : [{ kind: 'session', id, model: stringOf(event.model) }];
}

function readMessage(event: JsonObject): AgentEvent[] {
  const text = stringOf(event.content);
  if (event.role !== 'assistant' || text === null) return [];
  return [{ kind: 'message', text, continues: event.delta === true }];
}

/** A tool that would need a question has not even been made known to the model. */
function readDenial(event: JsonObject): AgentEvent[] {
  const error = objectOf(event.error);
  if (error.type !== 'tool_not_registered') return [];
  return [{ kind: 'denied', tool: /^Tool "([^"]+)"/.exec(stringOf(error.message) ?? '')?.[1] ?? 'a tool' }];
}

function readResult(event: JsonObject): AgentEvent {
  const stats = objectOf(event.stats);
  const failed = event.status !== 'success';
  const { message, cause } = apiError(stringOf(objectOf(event.error).message) ?? 'failed');
  return end({
    ...(failed && { error: message, cause }),
    // `init` may say "auto"; the models that really answered stand here.
    model: Object.keys(objectOf(stats.models))[0] ?? null,
    usage: {
      inputTokens: numberOf(stats.input_tokens) ?? 0,
      cachedInputTokens: numberOf(stats.cached) ?? 0,
      outputTokens: numberOf(stats.output_tokens) ?? 0,
    },
  });
}

/** No path is longer. */
const PATH_BYTES = 4_096;

async function chatFolders(folder: string, cwd: string | undefined): Promise<SessionFolder[]> {
  const projects = await foldersIn(folder);
  const chats = (project: string) => ({ path: join(folder, project, 'chats'), project });
  if (cwd === undefined) return projects.map(chats);
  const here = await realpath(cwd).catch(() => cwd);
  const roots = await mapBounded(projects, (project) =>
    readHead(join(folder, project, '.project_root'), PATH_BYTES).catch(() => ''),
  );
  return projects.filter((_, index) => roots[index]?.trim() === here).map(chats);
}
