import { AppError } from '../errors.ts';
import { isAgentType, type JsonObject, type ScheduledTask } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { parseTask, type TaskParts } from './contract/any-task.ts';
import { optionalText } from './contract/fields.ts';
import { scheduleBody, scheduleChange } from './contract/schedules.ts';
import type { RouteDeps } from './deps.ts';

/** `/schedules`: tasks of any type that come round by a cron expression. */
export function scheduleHandlers({ queue: { schedules }, ...parts }: RouteDeps) {
  return {
    list: (() => ({ schedules: schedules.list() })) satisfies Handler,

    show: (({ id }) => schedules.get(id)) satisfies Handler,

    create: ((call) => {
      const { task, ...rule } = parse(scheduleBody, call.body);
      return schedules.create({ ...rule, task: scheduledTask(task, parts) });
    }) satisfies Handler,

    edit: ((call) => {
      const { task, ...change } = parse(scheduleChange, call.body);
      const replaced = task === undefined ? {} : { task: scheduledTask(task, parts) };
      return schedules.edit(call.id, { ...change, ...replaced });
    }) satisfies Handler,

    remove: (async ({ id }) => {
      await schedules.remove(id);
      return { success: true };
    }) satisfies Handler,

    run: (async ({ id }) => {
      const { taskId, sessionId } = await schedules.run(id);
      return sessionId === null ? { taskId } : { taskId, sessionId };
    }) satisfies Handler,
  };
}

/** A task to be submitted again and again. `invalid_field`. */
function scheduledTask(sent: JsonObject, parts: TaskParts): ScheduledTask {
  const template = parseTask(sent, parts, ['task']);
  if (template.runAt !== undefined) {
    throw new AppError('invalid_field', 'runAt is not for the tasks of a schedule: its cron says when', {
      field: 'task.runAt',
    });
  }
  const { callbackBotToken: _secret, ...shown } = sent;
  if (!isAgentType(template.type) || optionalText.parse(sent.sessionId) !== null) return { shown, template };
  const payload = { ...template.payload, sessionId: null };
  return { shown, template: { ...template, payload, sessionId: null, sessionKey: null } };
}
