/** What the columns of callbacks, and of what keeps them from going, may hold. */
import { TASK_TYPES } from '../../../src/queue/task.ts';
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
  orNull,
  type Row,
  said,
  text,
  time,
  unshown,
  uuid,
} from './checks.ts';

const KINDS = ['discord', 'telegram', 'slack', 'webhook', 'hook'];
const MOMENTS = ['completed', 'failed', 'cancelled', 'started'];
/** As src/secrets.ts writes it; what is in it nobody can read. */
const sealed: Check = (value) => typeof value === 'string' && /^v1\.[\w-]{38,}$/.test(value);
const THREADS: Readonly<Record<string, RegExp>> = {
  discord: /^.{1,100}$/s,
  telegram: /^\d{1,16}$/,
  slack: /^.{1,100}$/s,
};
/** Webhooks and hooks have none. */
const thread: Check = (value, { kind }) =>
  value === null || THREADS[String(kind)]?.test(String(value)) === true;

/** Of a task, and of what a schedule submits. */
export function isCallback(value: unknown): boolean {
  const { kind, target, threadId, token, on, ...rest } = value as Row;
  const moments = Array.isArray(on) && on.length > 0 && new Set(on).size === on.length;
  return (
    KINDS.includes(String(kind)) &&
    said(target, {}) &&
    thread(threadId, { kind }) &&
    orNull(sealed)(token, {}) &&
    moments &&
    on.every((moment) => MOMENTS.includes(moment)) &&
    Object.keys(rest).length === 0
  );
}

export const CALLBACKS: Columns = {
  seq: count,
  id: uuid,
  task_id: uuid,
  task_type: anyOf(TASK_TYPES),
  moment: anyOf(MOMENTS),
  stream: (value, { kind, target, thread_id, token }) =>
    json((parts) => isSame(parts, [kind, target, thread_id, token]))(value, {}),
  lane: (value, { kind }) =>
    kind === 'webhook' ? /^webhook (127\.0\.0\.1|localhost):3999$/.test(String(value)) : value === kind,
  kind: anyOf(KINDS),
  target: said,
  thread_id: thread,
  token: orNull(sealed),
  text: (value) => typeof value === 'string' && value !== '',
  status: anyOf(['pending', 'paused', 'dead']),
  head: flag,
  chunks: int(1, 11),
  chunks_sent: (value, { chunks }) => int(0, Number(chunks))(value, {}),
  attempts: int(0, 12),
  last_error: orNull((value) => text(value, {}) && unshown(value)),
  due_up: int(0, 2 * AGE_MS),
  owed_up: age,
  created_at: time,
  // Only an OpenClaw gateway that goes first is fallen back from, and there is none.
  fell_back: anyOf([0]),
  pause: (value, { status }) => (status === 'paused' ? text(value, {}) : value === null),
};

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one).toWellFormed() === JSON.stringify(other).toWellFormed();
}

export const CALLBACK_PAUSES: Columns = {
  key: (value, { kind, target }) =>
    json((parts) => {
      const [ofKind, token, ofTarget] = parts as unknown[];
      return ofKind === kind && orNull(sealed)(token, {}) && ofTarget === target;
    })(value, {}),
  kind: anyOf(KINDS),
  target: orNull(said),
  error: (value) => typeof value === 'string' && value !== '' && unshown(value),
  probe_up: int(0, 2 * AGE_MS),
  since: time,
  lifted: flag,
};
