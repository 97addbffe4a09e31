import { AppError } from '../errors.ts';
import {
  type CallbackKind,
  isAgentType,
  type JsonObject,
  type JsonValue,
  type ScheduledTask,
  shownTarget,
} from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { parseTask, type TaskParts } from './contract/any-task.ts';
import { optionalText } from './contract/fields.ts';
import { scheduleBody, scheduleChange } from './contract/schedules.ts';
import type { RouteDeps } from './deps.ts';
import { onceOf } from './once.ts';

/**
 * `/schedules`: tasks of any type that come round by a cron expression. What is made, and what is run now, is repeated to
 * the same `Idempotency-Key`.
 */
export function scheduleHandlers({ queue: { schedules }, ...parts }: RouteDeps) {
  return {
    list: (() => ({ schedules: schedules.list() })) satisfies Handler,

    show: (({ id }) => schedules.get(id)) satisfies Handler,

    create: ((call) => {
      refuseUnknown(call.body);
      const { task, ...rule } = parse(scheduleBody, call.body);
      return schedules.create({ ...rule, task: scheduledTask(task, parts) }, onceOf(call));
    }) satisfies Handler,

    edit: ((call) => {
      refuseUnknown(call.body);
      const { task, ...change } = parse(scheduleChange, call.body);
      const { id, task: shown } = schedules.get(call.id);
      if (task !== undefined && JSON.stringify(task) === JSON.stringify(shown))
        return schedules.edit(id, change);
      const replaced = task === undefined ? {} : { task: scheduledTask(task, parts) };
      return schedules.edit(id, someOf({ ...change, ...replaced }));
    }) satisfies Handler,

    remove: (async ({ id }) => {
      await schedules.remove(id);
      return { success: true };
    }) satisfies Handler,

    run: (async (call) => {
      const { sessionId, ...receipt } = await schedules.run(call.id, onceOf(call));
      return sessionId === null ? receipt : { ...receipt, sessionId };
    }) satisfies Handler,
  };
}

/** An answer repeats no more of a name than that. */
const MAX_FIELD_CHARS = 100;
/** What can be given. */
const GIVEN = Object.keys(scheduleChange.shape);
/** What answers show besides; it may be sent back, and means nothing. */
const SHOWN = ['id', 'nextRunAt', 'lastRunAt', 'lastTaskId', 'createdAt', 'duplicate'];

/** Unlike a task, a schedule whose `timezone` is misspelt would be wrong for months. `invalid_field`. */
function refuseUnknown(body: unknown): void {
  const unknown = Object.keys(Object(body)).find((name) => !GIVEN.includes(name) && !SHOWN.includes(name));
  if (unknown === undefined) return;
  const field = unknown.slice(0, MAX_FIELD_CHARS).toWellFormed();
  const error = `${field} is no field of a schedule, which has ${GIVEN.join(', ')}`;
  throw new AppError('invalid_field', error, { field });
}

/** A body of another content type counts as `{}`: whoever sent one believes that something was changed. */
function someOf<Change extends object>(change: Change): Change {
  if (Object.keys(change).length > 0) return change;
  const error = `There is nothing to change: give one of ${GIVEN.join(', ')}, as application/json`;
  throw new AppError('invalid_field', error);
}

/** A task to be submitted again and again. `invalid_field`. */
function scheduledTask(sent: JsonObject, parts: TaskParts): ScheduledTask {
  const template = parseTask(sent, parts, ['task']);
  if (template.runAt !== undefined) {
    throw new AppError('invalid_field', 'runAt is not for the tasks of a schedule: its cron says when', {
      field: 'task.runAt',
    });
  }
  const shown = shownTask(sent, parts.callbackKind);
  if (!isAgentType(template.type) || optionalText.parse(sent.sessionId) !== null) return { shown, template };
  const payload = { ...template.payload, sessionId: null };
  return { shown, template: { ...template, payload, sessionId: null, sessionKey: null } };
}

/** As lists show it: without what only its runner and its callback may know. */
function shownTask(sent: JsonObject, callbackKind: CallbackKind): JsonObject {
  const { callbackBotToken: _token, env: _env, callback, callbackChannel: channel, ...shown } = sent;
  return {
    ...shown,
    ...(channel !== undefined && { callbackChannel: shownChannel(channel, callbackKind) }),
    ...(callback !== undefined && { callback: shownCallback(callback) }),
  };
}

function shownChannel(channel: JsonValue, kind: CallbackKind): JsonValue {
  return typeof channel === 'string' ? shownTarget({ kind, target: channel }) : channel;
}

function shownCallback(callback: JsonValue): JsonValue {
  if (typeof callback !== 'object' || callback === null || Array.isArray(callback)) return callback;
  const { token: _own, secret: _secret, ...destination } = callback;
  const { kind, target } = destination;
  if (kind !== 'webhook' || typeof target !== 'string') return destination;
  return { ...destination, target: shownTarget({ kind, target }) };
}
