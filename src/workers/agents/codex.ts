import { join } from 'node:path';
import type { JsonObject } from '../../queue/task.ts';
import { numberOf, objectOf, parseJsonLine, plainMessage, stringOf } from './json-lines.ts';
import { type AgentEvent, type AgentTask, end, type Provider, type SessionStart } from './provider.ts';
import { listFolder, statFiles, UUID_PATTERN } from './session-files.ts';
import type { CodexSettings } from './settings.ts';

/** Codex. Its sessions are `sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl`, wherever they were opened. */
export function codex(settings: CodexSettings, codexHome: string): Provider {
  return {
    type: 'codex-cli',
    label: 'codex',
    file: settings.path,
    fileSetting: 'CODEX_PATH',
    models: settings.models,
    fallsBack: false,
    environment: ['CODEX_HOME', 'CODEX_API_KEY', 'OPENAI_*'],
    invocation: (task, session) => ({ args: codexArgs(task, session, settings), stdin: task.prompt }),
    parse: (line) => parseJsonLine(line, read),
    findSessions: (prefix) => findSessions(codexHome, prefix),
  };
}

/** Neither sandbox nor directory is inherited by a resume, and both must stand before the word `resume`. */
function codexArgs(task: AgentTask, session: SessionStart, settings: CodexSettings): string[] {
  const args = ['exec', '--json', '-s', settings.sandbox, '-C', task.cwd, '--skip-git-repo-check'];
  const [model] = task.models;
  if (model !== undefined) args.push('-m', model);
  if (session.resume) args.push('resume', session.id);
  return [...args, '-'];
}

function read(event: JsonObject): AgentEvent | null {
  switch (event.type) {
    case 'thread.started':
      return readThread(event);
    case 'item.completed':
      return readItem(objectOf(event.item));
    case 'error':
      return { kind: 'trouble', message: plainMessage(stringOf(event.message) ?? 'error') };
    case 'turn.failed':
      return end({ error: plainMessage(stringOf(objectOf(event.error).message) ?? 'failed') });
    case 'turn.completed':
      return readCompleted(objectOf(event.usage));
    default:
      return null;
  }
}

function readThread(event: JsonObject): AgentEvent | null {
  const id = stringOf(event.thread_id);
  return id === null ? null : { kind: 'session', id, model: null };
}

function readItem(item: JsonObject): AgentEvent | null {
  switch (item.type) {
    case 'agent_message':
      return { kind: 'message', text: stringOf(item.text) ?? '', continues: false };
    case 'command_execution':
    case 'file_change':
    case 'mcp_tool_call':
    case 'web_search':
      return { kind: 'tool' };
    case 'error':
      return { kind: 'trouble', message: stringOf(item.message) ?? 'error' };
    default:
      return null;
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

const ROLLOUT_FILE = new RegExp(`^rollout-.*-(${UUID_PATTERN})\\.jsonl$`);

async function findSessions(codexHome: string, prefix: string) {
  const days = await foldersBelow(join(codexHome, 'sessions'), 3);
  const found = await Promise.all(
    days.map(async (day) => {
      const names = await listFolder(day);
      return names.flatMap((name) => {
        const id = ROLLOUT_FILE.exec(name)?.[1];
        return id?.startsWith(prefix) ? [{ id, path: join(day, name) }] : [];
      });
    }),
  );
  return statFiles(found.flat());
}

async function foldersBelow(folder: string, levels: number): Promise<string[]> {
  if (levels === 0) return [folder];
  const names = (await listFolder(folder)).filter((name) => /^\d+$/.test(name));
  const below = await Promise.all(names.map((name) => foldersBelow(join(folder, name), levels - 1)));
  return below.flat();
}
