import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../queue/task.ts';
import { type Cause, causeOfStatus } from './cause.ts';
import { listOf, numberOf, objectOf, parseJsonLine, stringOf, toolInput } from './json-lines.ts';
import {
  type AgentEvent,
  type AgentTask,
  end,
  type Provider,
  type SessionStart,
  type Usage,
} from './provider.ts';
import { foldersIn, UUID_PATTERN } from './session-files.ts';
import { field, textOf } from './topic.ts';

/**
 * Claude Code. Its sessions are `projects/<folder>/<id>.jsonl`; `--resume` finds them from any working directory,
 * so a session that was opened in a terminal elsewhere can be continued here.
 */
export const claude: Provider = {
  type: 'claude-cli',
  label: 'claude',
  mode: {
    setting: 'RUNNER_CLAUDE_PERMISSION_MODE',
    name: 'permissionMode',
    values: ['dontAsk', 'manual', 'plan', 'acceptEdits', 'auto', 'bypassPermissions'],
    fallback: 'dontAsk',
    bypass: ['bypassPermissions'],
  },
  versionFlag: null,
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
  stateFiles: ['.claude.json'],
  sessions: {
    folder: (env, home) => join(env.CLAUDE_CONFIG_DIR || join(home, '.claude'), 'projects'),
    folders: async (folder) =>
      (await foldersIn(folder)).map((project) => ({ path: join(folder, project), project })),
    name: new RegExp(`^(${UUID_PATTERN})\\.jsonl$`),
    saidIn: (line) => {
      const message = field(line, 'message');
      return field(message, 'role') === 'user' ? textOf(field(message, 'content')) : undefined;
    },
  },
  invocation: (task, session) => ({ args: claudeArgs(task, session), stdin: task.prompt }),
  parse: (line) => parseJsonLine(line, read),
};

function claudeArgs(task: AgentTask, session: SessionStart): string[] {
  const args = ['-p', '--output-format', 'stream-json', '--verbose', '--permission-mode', task.mode];
  if (session.resume) args.push('--resume', session.id);
  else if (session.id !== null) args.push('--session-id', session.id);
  const [model, ...others] = task.models;
  if (model !== undefined) args.push('--model', model);
  if (others.length > 0) args.push('--fallback-model', others.join(','));
  if (task.maxBudgetUsd !== undefined) args.push('--max-budget-usd', String(task.maxBudgetUsd));
  if (task.maxTurns !== undefined) args.push('--max-turns', String(task.maxTurns));
  return args;
}

function read(event: JsonObject): AgentEvent[] {
  switch (event.type) {
    case 'system':
      return readSystem(event);
    case 'assistant':
      return readAssistant(event);
    case 'conversation_reset':
      return readReset(event);
    case 'rate_limit_event':
      return readLimit(objectOf(event.rate_limit_info));
    case 'result':
      return [readResult(event)];
    default:
      return [];
  }
}

function readSystem(event: JsonObject): AgentEvent[] {
  const id = stringOf(event.session_id);
  switch (event.subtype) {
    case 'init': {
      const version = stringOf(event.claude_code_version);
      return id === null ? [] : [{ kind: 'session', id, model: stringOf(event.model), version }];
    }
    case 'api_retry':
      return [{ kind: 'trouble', message: `API error ${numberOf(event.error_status) ?? ''}`.trim() }];
    case 'permission_denied':
      return [{ kind: 'denied', tool: stringOf(event.tool_name) ?? 'a tool' }];
    default:
      return [];
  }
}

/** The prompt was `/clear`: it has left this session, and names the next one then. */
function readReset(event: JsonObject): AgentEvent[] {
  const id = stringOf(event.session_id);
  return id === null ? [] : [{ kind: 'session', id, model: null }];
}

/** What the CLI itself says of an API failure (2.1.330). */
const FAULTS: Record<string, Cause> = {
  authentication_failed: 'auth',
  rate_limit: 'rate_limit',
  model_not_found: 'model_unavailable',
};

/** An API failure comes as a message as well: it is no word of the agent, but it may be all that tells the cause. */
function readAssistant(event: JsonObject): AgentEvent[] {
  if (event.is_api_error_message === true) {
    const fault = stringOf(event.error) ?? 'API error';
    return [{ kind: 'trouble', message: fault, cause: FAULTS[fault] ?? 'api' }];
  }
  const message = objectOf(event.message);
  const model = stringOf(message.model);
  return listOf(message.content)
    .map(objectOf)
    .flatMap((block) => readBlock(block, model));
}

function readBlock(block: JsonObject, model: string | null): AgentEvent[] {
  const text = stringOf(block.text);
  if (block.type === 'text' && text !== null) return [{ kind: 'message', text, continues: false, model }];
  if (block.type !== 'tool_use') return [];
  return [{ kind: 'tool', name: stringOf(block.name) ?? 'tool', input: toolInput(block.input) }];
}

/** Comes with every answer to a subscriber: `allowed` and `allowed_warning` only tell how much is left. */
function readLimit(info: JsonObject): AgentEvent[] {
  const seconds = numberOf(info.resetsAt);
  const resetsAt = seconds === null ? null : seconds * 1_000;
  return [{ kind: 'limit', reached: info.status === 'rejected', resetsAt }];
}

/** `subtype` is "success" for API failures too: `is_error` is what counts. */
function readResult(event: JsonObject): AgentEvent {
  const text = stringOf(event.result);
  const failed = event.is_error !== false;
  return end({
    error: failed ? failure(event) : null,
    cause: failed ? causeOf(event) : null,
    text: failed ? null : (text ?? ''),
    turns: numberOf(event.num_turns),
    usage: usageOf(objectOf(event.usage)),
    costUsd: costOf(event),
    permissionDenials: listOf(event.permission_denials),
  });
}

function failure(event: JsonObject): string {
  const errors = listOf(event.errors).filter((error) => typeof error === 'string');
  return errors.join('; ') || stringOf(event.result) || stringOf(event.subtype) || 'failed';
}

function causeOf(event: JsonObject): Cause | null {
  if (event.subtype === 'error_max_turns') return 'turns';
  if (event.subtype === 'error_max_budget_usd') return 'budget';
  const status = numberOf(event.api_error_status);
  return status === null ? null : causeOfStatus(status);
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
