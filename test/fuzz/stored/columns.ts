/**
 * What each column of each table may hold, by docs/api.md; written down a second time on purpose, so that a schema
 * that lets through too much is found in the database.
 */
import {
  AGENT_TYPES,
  type AgentType,
  agentSessionKey,
  FILE_TYPES,
  isFinal,
  TASK_STATUSES,
  TASK_TYPES,
  type TaskStatus,
} from '../../../src/queue/task.ts';
import { isCallback } from './callbacks.ts';
import {
  AGE_MS,
  age,
  anyOf,
  type Check,
  type Columns,
  count,
  flag,
  int,
  json,
  name,
  orNull,
  type Row,
  said,
  text,
  time,
  unshown,
  uuid,
} from './checks.ts';

const DISPATCH_MODES = ['direct-command', 'agent-tool', 'unspecified'];
/** The longest that a task may be put off. */
const DELAY_MS = 366 * 86_400_000;

const type = ({ type: of }: Row) => String(of);
const isFile = (row: Row) => (FILE_TYPES as readonly string[]).includes(type(row));
const isAgent = (row: Row) => (AGENT_TYPES as readonly string[]).includes(type(row));

export const TASKS: Columns = {
  seq: int(1, 2 ** 40),
  id: uuid,
  type: anyOf(TASK_TYPES),
  status: anyOf(TASK_STATUSES),
  queue: (value) => typeof value === 'string' && /^[a-z0-9._-]{1,64}$/.test(value),
  priority: int(-10, 10),
  session_id: (value, row) => (isAgent(row) ? said(value, row) : value === null),
  session_key: (value, row) =>
    isAgent(row)
      ? value === agentSessionKey(type(row) as AgentType, String(row.session_id))
      : orNull(name(200))(value, row),
  callback: orNull(json(isCallback)),
  timeout_ms: (value, row) => (isFile(row) ? value === null : int(1_000, 86_400_000)(value, row)),
  origin: said,
  dispatch_mode: anyOf(DISPATCH_MODES),
  response_mode: anyOf(['direct-callback']),
  entrypoint: (value, row) => (isAgent(row) ? said(value, row) : value === null),
  max_attempts: int(1, 20),
  retries: int(0, 20),
  retry_backoff_ms: int(100, 900_000),
  lease_ms: orNull(int(1_000, 3_600_000)),
  attempt: int(0, 10_000),
  lost: (value, row) => int(0, Number(row.max_attempts))(value, row),
  failures: (value, row) => int(0, Number(row.retries) + 1)(value, row),
  lease_id: orNull(uuid),
  runner_id: orNull(name(200)),
  instance_id: orNull(name(200)),
  cancel_requested: flag,
  ready_job: (value, row) => value === null || (row.status === 'pending' && count(value, row)),
  due_up: orNull(int(0, AGE_MS + DELAY_MS)),
  // Times are past ones when they are asked for.
  due_wall: anyOf([null]),
  due_at: orNull((value) => int(Date.now() - AGE_MS, Date.now() + DELAY_MS)(value, {})),
  tags: orNull(
    json((tags) => Array.isArray(tags) && tags.length <= 10 && tags.every((tag) => name(64)(tag, {}))),
  ),
  retained_from: age,
  created_at: time,
  started_at: (value, row) => (row.status === 'running' ? time(value, row) : orNull(time)(value, row)),
  completed_at: (value, row) => (isFinal(row.status as TaskStatus) ? time(value, row) : value === null),
  read_at: (value, row) => value === null || (isFinal(row.status as TaskStatus) && time(value, row)),
  read_up: (value, row) => (row.read_at === null ? value === null : int(0, AGE_MS)(value, row)),
  schedule_id: orNull(uuid),
  payload: (value, row) =>
    row.read_at === null ? json((payload) => isPayload(payload as Row, row))(value, row) : value === null,
};

const AGENT_PAYLOAD = [
  'type',
  'prompt',
  'timeout',
  'sessionId',
  'callbackChannel',
  'callbackBotToken',
  'origin',
  'dispatchMode',
  'responseMode',
  'entrypoint',
];
const PAYLOAD_KEYS: Readonly<Record<string, readonly string[]>> = {
  command: ['command', 'timeout', 'type'],
  'file-read': ['type', 'path'],
  'file-write': ['type', 'path', 'content', 'encoding'],
  'file-edit': ['type', 'path', 'oldString', 'newString', 'replaceAll'],
  'claude-cli': AGENT_PAYLOAD,
  'codex-cli': [...AGENT_PAYLOAD, 'model'],
  'gemini-cli': [...AGENT_PAYLOAD, 'model', 'resumeLatest'],
};
/** There only when they were given. */
const OPTIONAL_KEYS = (row: Row): readonly string[] => [
  ...['cwd', 'env'],
  ...(type(row) === 'file-read' ? ['encoding'] : []),
  ...(type(row) === 'claude-cli' ? ['model', 'maxBudgetUsd', 'maxTurns'] : []),
];
const dollars: Check = (value) => typeof value === 'number' && value > 0 && value <= 10_000;
const PAYLOAD: Columns = {
  cwd: (value) => typeof value === 'string' && /^([/~]|[A-Za-z]:)/.test(value),
  env: (value) => Object.values(value as Row).every((one) => typeof one === 'string'),
  maxBudgetUsd: dollars,
  maxTurns: int(1, 1_000),
  command: said,
  path: said,
  prompt: (value) => typeof value === 'string' && value.trim() !== '',
  timeout: (value, row) => value === row.timeout_ms,
  sessionId: (value, row) =>
    value === null ? row.session_id === null : String(value).toWellFormed() === row.session_id,
  callbackChannel: anyOf([null]),
  callbackBotToken: anyOf([null]),
  origin: (value, row) => String(value).toWellFormed() === row.origin,
  dispatchMode: (value, row) => value === row.dispatch_mode,
  responseMode: (value, row) => value === row.response_mode,
  entrypoint: (value, row) => String(value).toWellFormed() === row.entrypoint,
  model: orNull(said),
  resumeLatest: anyOf([true, false]),
  encoding: (value, row) => type(row) !== 'file-read' || value === 'base64',
};

/** The keys of its type and no others, each with a value of its own. */
function isPayload(payload: Row, row: Row): boolean {
  const expected = PAYLOAD_KEYS[type(row)] ?? [];
  const keys = Object.keys(payload).filter(
    (key) => expected.includes(key) || !OPTIONAL_KEYS(row).includes(key),
  );
  if (payload.type !== row.type || keys.toSorted().join() !== expected.toSorted().join()) return false;
  return Object.entries(payload).every(([key, value]) => PAYLOAD[key]?.(value, row) ?? true);
}

export const TASK_TAGS: Columns = { tag: name(64), task_seq: count, task_status: anyOf(TASK_STATUSES) };

export const RESULTS: Columns = {
  seq: count,
  stdout: text,
  stderr: text,
  exit_code: int(-(2 ** 53) + 1, 2 ** 53 - 1),
  error: json(),
  metadata: json(
    (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && hasProvenance(value as Row),
  ),
};

function hasProvenance({ origin, dispatchMode, responseMode, entrypoint }: Row): boolean {
  return [origin, dispatchMode, responseMode, entrypoint].every((value) => orNull(text)(value, {}));
}

export const SCHEDULES: Columns = {
  id: uuid,
  name: name(100),
  cron: name(500),
  time_zone: name(100),
  overlap: anyOf(['skip', 'queue']),
  missed: anyOf(['skip', 'once']),
  paused: flag,
  // None of them comes round while the run lasts.
  last_occurrence: anyOf([null]),
  next_at: (value, row) => (row.paused === 1 ? value === null : int(Date.now(), 2 ** 43)(value, row)),
  last_run_at: orNull(time),
  last_task_id: orNull(uuid),
  created_at: time,
  task: json((value) => isShownTask(value as Row)),
  template: json((value) => {
    const { payload, callback } = value as Row;
    const isWhole = isPayload(payload as Row, asTaskRow(value as Row));
    return isWhole && (callback === null || isCallback(callback));
  }),
};

/** As it was sent, but for what nobody may see again. */
function isShownTask(task: Row): boolean {
  const { token, secret } = (task.callback ?? {}) as Row;
  const isOfType = (TASK_TYPES as readonly unknown[]).includes(task.type);
  return (
    isOfType &&
    [token, secret, task.callbackBotToken, task.env].every((one) => one === undefined) &&
    unshown(task)
  );
}

/** What is to be submitted, as the row that it becomes. A conversation that is new each time has no name yet. */
function asTaskRow({ type, timeoutMs, sessionId, provenance }: Row): Row {
  const { origin, dispatchMode, responseMode, entrypoint } = provenance as Row;
  return {
    type,
    timeout_ms: timeoutMs,
    session_id: sessionId,
    origin,
    dispatch_mode: dispatchMode,
    response_mode: responseMode,
    entrypoint,
  };
}

export const SESSIONS: Columns = {
  session_id: said,
  cli_type: anyOf(['claude', 'codex', 'gemini', 'unknown']),
  callback_channel: orNull((value, row) => said(value, row) && unshown(value)),
  task_count: count,
  last_activity: time,
  created_at: time,
  retained_from: age,
};

const agentKey: Check = (value) => AGENT_TYPES.some((agent) => String(value).startsWith(`${agent}:`));

export const BINDINGS: Columns = {
  session_key: agentKey,
  runner_id: name(200),
  made_by: orNull(uuid),
  retained_from: age,
};

export const BUDGETS: Columns = {
  session_key: agentKey,
  // Millionths of a dollar.
  budget: orNull(int(1, 10_000 * 1_000_000)),
  spent: int(0, 9e15),
  retained_from: age,
};

export const INSTANCES: Columns = {
  runner_id: name(200),
  instance_id: name(200),
  superseded: flag,
  connected: (value, row) => (row.superseded === 1 ? value === 0 : flag(value, row)),
  retained_from: age,
};

export const EVENTS: Columns = {
  seq: count,
  id: uuid,
  type: said,
  created_at: time,
  task_id: orNull(said),
  task_type: orNull(said),
  task_status: orNull(said),
  session_id: orNull(said),
  origin: said,
  dispatch_mode: said,
  response_mode: said,
  entrypoint: orNull(said),
  details: json(unshown),
  retained_from: age,
};

export const IDEMPOTENCY: Columns = {
  scope: (value) => typeof value === 'string' && /^[\w-]{16}$/.test(value),
  key: name(200),
  route: (value) => typeof value === 'string' && /^\/([a-z/]+|schedules\/[0-9a-f-]{36}\/run)$/.test(value),
  body_hash: (value) => typeof value === 'string' && /^[\w-]{43}$/.test(value),
  receipt: json((value) =>
    [(value as Row).tasks ?? value]
      .flat()
      .every((one) => (isSchedule(one) && isShownTask((one as Row).task as Row)) || isReceipt(one)),
  ),
  retained_from: age,
};

function isSchedule(value: unknown): boolean {
  const { id, name: called, cron, taskId } = value as Row;
  return uuid(id, {}) && name(100)(called, {}) && name(500)(cron, {}) && taskId === undefined;
}

function isReceipt(value: unknown): boolean {
  const { taskId, sessionId } = value as Row;
  return uuid(taskId, {}) && orNull(said)(sessionId, {});
}
