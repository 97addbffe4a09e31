/** A task of any type from what a client sent: the routes, a batch and a schedule all read it here. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import {
  AGENT_TYPES,
  type AgentType,
  agentSessionKey,
  type CallbackTarget,
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
import { editBody, readBody, writeBody } from './files.ts';
import {
  type Asked,
  askedOf,
  asksForNothing,
  MAX_DELAY_MS,
  type Surroundings,
  surroundingsOf,
} from './submission.ts';
import { commandBody, plainCommandBody } from './tasks.ts';

/** What it takes besides the client's fields. */
export interface TaskParts {
  clock: Clock;
  sealSecret: (plain: string) => string;
  /** The kind of callback that a `callbackChannel` means. */
  callbackKind: string;
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
  command: (input, _parts, place) => {
    const body = parse(asksForNothing(input) ? plainCommandBody : commandBody, input, place);
    const { command, timeout } = body;
    const payload = { command, timeout, type: 'command', ...surroundingsOf(body) };
    return { ...plain(body), type: 'command', payload, timeoutMs: timeout };
  },
  'file-write': reader(writeBody, (body) => {
    const { path, content, encoding } = body;
    return fileTask('file-write', { path, content, encoding }, body);
  }),
  'file-read': reader(readBody, (body) => {
    const { path, encoding } = body;
    return fileTask('file-read', encoding === null ? { path } : { path, encoding }, body);
  }),
  'file-edit': reader(editBody, (body) => {
    const { path, old_string: oldString, new_string: newString, replace_all: replaceAll } = body;
    return fileTask('file-edit', { path, oldString, newString, replaceAll }, body);
  }),
  ...(Object.fromEntries(AGENT_TYPES.map((type) => [type, agentReader(type)])) as Record<AgentType, Reader>),
};

function reader<Body extends z.ZodType>(
  schema: Body,
  toTask: (body: z.output<Body>, parts: TaskParts) => NewTask,
): Reader {
  return (input, parts, place) => toTask(parse(schema, input, place), parts);
}

/** What tasks have in common that belong to no conversation. */
type PlainBody = Asked & Surroundings & { sessionKey?: string | undefined };

function fileTask(type: FileType, fields: JsonObject, body: PlainBody): NewTask {
  return { ...plain(body), type, payload: { type, ...fields, ...surroundingsOf(body) }, timeoutMs: null };
}

function plain(body: PlainBody) {
  return {
    ...askedOf(body),
    sessionId: null,
    sessionKey: body.sessionKey ?? null,
    provenance: UNKNOWN_PROVENANCE,
    callback: null,
  };
}

function agentReader(type: AgentType): Reader {
  return reader(agentBody(type), (body, parts) => {
    const { prompt, timeout, origin, dispatchMode, entrypoint } = body;
    const sessionId = body.sessionId ?? randomUUID();
    const provenance = { origin, dispatchMode, responseMode: UNKNOWN_PROVENANCE.responseMode, entrypoint };
    const callback = { callbackChannel: null, callbackBotToken: null };
    return {
      ...askedOf(body),
      type,
      payload: {
        ...{ type, prompt, timeout, sessionId, ...wishesOf(type, body) },
        ...{ ...callback, ...provenance, ...surroundingsOf(body) },
      },
      timeoutMs: timeout,
      sessionId,
      sessionKey: agentSessionKey(type, sessionId),
      provenance,
      callback: callbackOf(body, parts),
      ...(body.sessionBudgetUsd !== undefined && { sessionBudgetUsd: body.sessionBudgetUsd }),
    };
  });
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

/** Kept beside the payload, its token sealed. */
function callbackOf(body: AgentBody, { callbackKind, sealSecret }: TaskParts): CallbackTarget | null {
  if (body.callbackChannel === null) return null;
  const token = body.callbackBotToken === null ? null : sealSecret(body.callbackBotToken);
  return { kind: callbackKind, target: body.callbackChannel, token };
}
