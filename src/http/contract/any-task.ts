/** A task of any type from what a client sent: the routes, a batch and a schedule all read it here. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import type { CallbackKind } from '../../destination.ts';
import { AppError } from '../../errors.ts';
import {
  AGENT_TYPES,
  type AgentType,
  agentSessionKey,
  type FileType,
  type JsonObject,
  type NewTask,
  TASK_TYPES,
  type TaskType,
  traitsOf,
  UNKNOWN_PROVENANCE,
} from '../../queue/task.ts';
import { parse } from '../call.ts';
import { type AgentBody, agentBody } from './agents.ts';
import { type Called, callbackOf } from './callback.ts';
import { editBody, readBody, writeBody } from './files.ts';
import { type Asked, askedOf, MAX_DELAY_MS, type Surroundings, surroundingsOf } from './submission.ts';
import { commandBody, plainCommand } from './tasks.ts';

/** What it takes besides the client's fields. */
export interface TaskParts {
  clock: Clock;
  sealSecret: (plain: string) => string;
  /** The kind of callback that a `callbackChannel` means. */
  callbackKind: CallbackKind;
}

/** Where in the body a task stands, as `['tasks', 3]`; empty when it is the body. */
type Place = readonly PropertyKey[];

/** Reads the fields of one type's own route. */
type Reader = (input: unknown, parts: TaskParts, place: Place) => NewTask;

const TYPE = `type must be one of ${TASK_TYPES.join(', ')}`;
const typed = z.object({ type: z.enum(TASK_TYPES, TYPE) }, 'A task must be an object with a type');

/**
 * `{type, …}` with the fields of that type's own route. An AI CLI task without a `sessionId` gets a new one at each
 * call. `invalid_field`.
 */
export function parseTask(input: unknown, parts: TaskParts, place: Place = []): NewTask {
  return parseTaskOf(parse(typed, input, place).type, input, parts, place);
}

/** The same where the type is known: a `type` among the fields means nothing. `invalid_field`. */
export function parseTaskOf(type: TaskType, input: unknown, parts: TaskParts, place: Place = []): NewTask {
  const task = READERS[type](input, parts, place);
  if ((task.runAt ?? 0) <= parts.clock.wall() + MAX_DELAY_MS) return task;
  throw new AppError('invalid_field', 'runAt must not be more than 366 days from now', {
    field: [...place, 'runAt'].join('.'),
  });
}

const READERS: Record<TaskType, Reader> = {
  command: (input, parts, place) => {
    const body = plainCommand(input) ?? parse(commandBody, input, place);
    const { command, timeout } = body;
    const payload = { command, timeout, type: 'command', ...surroundingsOf(body) };
    return { ...plain(body, parts, place), type: 'command', payload, timeoutMs: timeout };
  },
  'file-write': fileReader('file-write', writeBody, ({ path, content, encoding }) => ({
    path,
    content,
    encoding,
  })),
  'file-read': fileReader('file-read', readBody, ({ path, encoding }) =>
    encoding === null ? { path } : { path, encoding },
  ),
  'file-edit': fileReader('file-edit', editBody, (body) => {
    const { path, old_string: oldString, new_string: newString, replace_all: replaceAll } = body;
    return { path, oldString, newString, replaceAll };
  }),
  ...(Object.fromEntries(AGENT_TYPES.map((type) => [type, agentReader(type)])) as Record<AgentType, Reader>),
};

/** What tasks have in common that belong to no conversation. */
type PlainBody = Asked & Surroundings & Called & { sessionKey?: string | undefined };

function fileReader<Body extends z.ZodType<PlainBody>>(
  type: FileType,
  schema: Body,
  fieldsOf: (body: z.output<Body>) => JsonObject,
): Reader {
  return (input, parts, place) => {
    const body = parse(schema, input, place);
    const payload = { type, ...fieldsOf(body), ...surroundingsOf(body) };
    return { ...plain(body, parts, place), type, payload, timeoutMs: null };
  };
}

function plain(body: PlainBody, parts: TaskParts, place: Place) {
  return {
    ...askedOf(body),
    sessionId: null,
    sessionKey: body.sessionKey ?? null,
    provenance: UNKNOWN_PROVENANCE,
    callback: callbackOf(body, parts, place),
  };
}

function agentReader(type: AgentType): Reader {
  const schema = agentBody(type);
  return (input, parts, place) => {
    const body = parse(schema, input, place);
    const { prompt, timeout, origin, dispatchMode, entrypoint } = body;
    const sessionId = body.sessionId ?? randomUUID();
    const provenance = { origin, dispatchMode, responseMode: UNKNOWN_PROVENANCE.responseMode, entrypoint };
    const polled = { callbackChannel: null, callbackBotToken: null };
    return {
      ...askedOf(body),
      type,
      payload: {
        ...{ type, prompt, timeout, sessionId, ...wishesOf(type, body) },
        ...{ ...polled, ...provenance, ...surroundingsOf(body) },
      },
      timeoutMs: timeout,
      sessionId,
      sessionKey: agentSessionKey(type, sessionId),
      provenance,
      callback: callbackOf(body, parts, place),
      ...(body.sessionBudgetUsd !== undefined && { sessionBudgetUsd: body.sessionBudgetUsd }),
    };
  };
}

/** What stands behind `sessionId` in the payload: what was given, and what the older system's runners know to be there. */
function wishesOf(type: AgentType, body: AgentBody): JsonObject {
  const { model, maxBudgetUsd, maxTurns } = body;
  const resumeLatest = body.resumeLatest || body.sessionId !== null;
  const always = traitsOf(type).alwaysPolled.map((name) => [name, { resumeLatest, model }[name]]);
  return {
    ...Object.fromEntries(always),
    ...(model !== null && { model }),
    ...(maxBudgetUsd !== undefined && { maxBudgetUsd }),
    ...(maxTurns !== undefined && { maxTurns }),
  };
}
