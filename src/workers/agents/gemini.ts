import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../queue/task.ts';
import { numberOf, objectOf, parseJsonLine, plainMessage, stringOf } from './json-lines.ts';
import { type AgentEvent, type AgentTask, end, type Provider, type SessionStart } from './provider.ts';
import { listFolder, readHead, readText, statFiles } from './session-files.ts';
import type { GeminiSettings } from './settings.ts';

/**
 * Gemini. Its sessions belong to a project directory (a resume elsewhere exits 42), so only those of the working
 * directory count: `tmp/<project>/chats/session-<time>-<start of the id>.jsonl`, the whole id in the first line.
 * A run that is ended by a signal leaves no session file, though it has named its session.
 */
export function gemini(settings: GeminiSettings, geminiDir: string, workdir: string): Provider {
  return {
    type: 'gemini-cli',
    label: 'gemini',
    file: settings.path,
    fileSetting: 'GEMINI_PATH',
    models: settings.models,
    fallsBack: false,
    environment: ['GEMINI_API_KEY', 'GEMINI_MODEL', 'GEMINI_CLI_HOME', 'GOOGLE_*'],
    invocation: (task, session) => ({
      args: geminiArgs(task, session, settings),
      stdin: settings.replyHint === null ? task.prompt : `${settings.replyHint}\n\n${task.prompt}`,
    }),
    parse: (line) => parseJsonLine(line, read),
    findSessions: (prefix) => findSessions(geminiDir, workdir, prefix),
  };
}

function geminiArgs(task: AgentTask, session: SessionStart, settings: GeminiSettings): string[] {
  const args = ['-o', 'stream-json', '--skip-trust', '--approval-mode', settings.approvalMode];
  const [model] = task.models;
  if (model !== undefined) args.push('-m', model);
  if (session.resume) args.push('--resume', session.id);
  return args;
}

function read(event: JsonObject): AgentEvent | null {
  switch (event.type) {
    case 'init':
      return readInit(event);
    case 'message':
      return readMessage(event);
    case 'tool_use':
      return { kind: 'tool' };
    case 'error':
      return { kind: 'trouble', message: plainMessage(stringOf(event.message) ?? 'error') };
    case 'result':
      return readResult(event);
    default:
      return null;
  }
}

function readInit(event: JsonObject): AgentEvent | null {
  const id = stringOf(event.session_id);
  return id === null ? null : { kind: 'session', id, model: stringOf(event.model) };
}

function readMessage(event: JsonObject): AgentEvent | null {
  const text = stringOf(event.content);
  if (event.role !== 'assistant' || text === null) return null;
  return { kind: 'message', text, continues: event.delta === true };
}

function readResult(event: JsonObject): AgentEvent {
  const stats = objectOf(event.stats);
  const message = stringOf(objectOf(event.error).message) ?? 'failed';
  return end({
    error: event.status === 'success' ? null : plainMessage(message),
    // `init` may say "auto"; the models that really answered stand here.
    model: Object.keys(objectOf(stats.models))[0] ?? null,
    usage: {
      inputTokens: numberOf(stats.input_tokens) ?? 0,
      cachedInputTokens: numberOf(stats.cached) ?? 0,
      outputTokens: numberOf(stats.output_tokens) ?? 0,
    },
  });
}

/** How much of an id stands in a file's name. */
const ID_IN_NAME = 8;
const CHAT_FILE = new RegExp(`^session-.*-([0-9a-f]{${ID_IN_NAME}})\\.jsonl$`);

async function findSessions(geminiDir: string, workdir: string, prefix: string) {
  const tmp = join(geminiDir, 'tmp');
  const here = await realpath(workdir).catch(() => workdir);
  const found = await Promise.all(
    (await listFolder(tmp)).map(async (project) => {
      const root = await readText(join(tmp, project, '.project_root'));
      return root?.trim() === here ? findChats(join(tmp, project, 'chats'), prefix) : [];
    }),
  );
  return statFiles(found.flat());
}

async function findChats(folder: string, prefix: string): Promise<{ id: string; path: string }[]> {
  const short = prefix.slice(0, ID_IN_NAME);
  const names = (await listFolder(folder)).filter((name) => CHAT_FILE.exec(name)?.[1]?.startsWith(short));
  const chats = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const id = /"sessionId":"([^"]+)"/.exec(await readHead(path))?.[1];
      return id?.startsWith(prefix) ? [{ id, path }] : [];
    }),
  );
  return chats.flat();
}
