import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../queue/task.ts';
import { listOf, numberOf, objectOf, parseJsonLine, stringOf } from './json-lines.ts';
import {
  type AgentEvent,
  type AgentTask,
  end,
  type Provider,
  type SessionStart,
  type Usage,
} from './provider.ts';
import { listFolder, statFiles, UUID_PATTERN } from './session-files.ts';
import type { ClaudeSettings } from './settings.ts';

/**
 * Claude Code. Its sessions are `projects/<folder>/<id>.jsonl`; `--resume` finds them from any working directory,
 * so a session that was opened in a terminal elsewhere can be continued here.
 */
export function claude(settings: ClaudeSettings, configDir: string): Provider {
  return {
    type: 'claude-cli',
    label: 'claude',
    file: settings.path,
    fileSetting: 'CLAUDE_PATH',
    models: settings.models,
    fallsBack: true,
    environment: [
      'ANTHROPIC_*',
      'CLAUDE_CONFIG_DIR',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'CLAUDE_CODE_USE_*',
      'CLAUDE_CODE_DISABLE_*',
      'DISABLE_AUTOUPDATER',
      'DISABLE_ERROR_REPORTING',
      'DISABLE_TELEMETRY',
    ],
    invocation: (task, session) => ({ args: claudeArgs(task, session, settings), stdin: task.prompt }),
    parse: (line) => parseJsonLine(line, read),
    findSessions: (prefix) => findSessions(configDir, prefix),
  };
}

function claudeArgs(task: AgentTask, session: SessionStart, settings: ClaudeSettings): string[] {
  const args = [
    '-p',
    '--output-format',
    'stream-json',
    '--verbose',
    '--permission-mode',
    settings.permissionMode,
  ];
  if (session.resume) args.push('--resume', session.id);
  else if (session.id !== null) args.push('--session-id', session.id);
  const [model, ...others] = task.models;
  if (model !== undefined) args.push('--model', model);
  if (others.length > 0) args.push('--fallback-model', others.join(','));
  return args;
}

function read(event: JsonObject): AgentEvent | null {
  switch (event.type) {
    case 'system':
      return readSystem(event);
    case 'assistant':
      return readAssistant(event);
    case 'result':
      return readResult(event);
    default:
      return null;
  }
}

function readSystem(event: JsonObject): AgentEvent | null {
  const id = stringOf(event.session_id);
  if (event.subtype === 'init' && id !== null) return { kind: 'session', id, model: stringOf(event.model) };
  if (event.subtype === 'api_retry')
    return { kind: 'trouble', message: `API error ${numberOf(event.error_status) ?? ''}`.trim() };
  return null;
}

/** An API failure comes as a message as well: it is no word of the agent. */
function readAssistant(event: JsonObject): AgentEvent | null {
  if (event.is_api_error_message === true) return null;
  const message = objectOf(event.message);
  const blocks = listOf(message.content).map(objectOf);
  const text = blocks.map((block) => (block.type === 'text' ? (stringOf(block.text) ?? '') : '')).join('');
  if (text !== '') return { kind: 'message', text, continues: false, model: stringOf(message.model) };
  return blocks.some((block) => block.type === 'tool_use') ? { kind: 'tool' } : null;
}

/** `subtype` is "success" for API failures too: `is_error` is what counts. */
function readResult(event: JsonObject): AgentEvent {
  const text = stringOf(event.result);
  const failed = event.is_error !== false;
  return end({
    error: failed ? failure(event) : null,
    text: failed ? null : (text ?? ''),
    turns: numberOf(event.num_turns),
    usage: usageOf(objectOf(event.usage)),
    costUsd: costOf(event),
    permissionDenials: listOf(event.permission_denials).slice(0, MAX_DENIALS).map(withoutLongInput),
  });
}

function failure(event: JsonObject): string {
  const errors = listOf(event.errors).filter((error) => typeof error === 'string');
  return errors.join('; ') || stringOf(event.result) || stringOf(event.subtype) || 'failed';
}

const MAX_DENIALS = 50;
const MAX_INPUT_LENGTH = 2_000;

/** A denied write carries the whole text that was to be written: no part of a report. */
function withoutLongInput(denial: JsonValue): JsonValue {
  const { tool_input: input, ...rest } = objectOf(denial);
  return JSON.stringify(input ?? null).length > MAX_INPUT_LENGTH ? rest : denial;
}

function usageOf(usage: JsonObject): Usage {
  return {
    inputTokens: numberOf(usage.input_tokens) ?? 0,
    cachedInputTokens: numberOf(usage.cache_read_input_tokens) ?? 0,
    outputTokens: numberOf(usage.output_tokens) ?? 0,
  };
}

/** `total_cost_usd` counts a resumed session from its beginning (seen in 2.1.330); this task's part is told by model. */
function costOf(event: JsonObject): number | null {
  const byModel: JsonValue | undefined = event.model_usage_since_last_result;
  if (byModel === undefined) return numberOf(event.total_cost_usd);
  return Object.values(objectOf(byModel)).reduce<number>(
    (sum, model) => sum + (numberOf(objectOf(model).costUSD) ?? 0),
    0,
  );
}

const SESSION_FILE = new RegExp(`^(${UUID_PATTERN})\\.jsonl$`);

async function findSessions(configDir: string, prefix: string) {
  const projects = join(configDir, 'projects');
  const folders = await listFolder(projects);
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = await listFolder(join(projects, folder));
      return names.flatMap((name) => {
        const id = SESSION_FILE.exec(name)?.[1];
        return id?.startsWith(prefix) ? [{ id, path: join(projects, folder, name) }] : [];
      });
    }),
  );
  return statFiles(found.flat());
}
