/**
 * A valid request of every route, and what its fields take. A route without one fails the run: whoever adds a route
 * adds its example here, and it is fuzzed and in the authentication matrix from then on.
 */
import type { ZodType } from 'zod';
import { agentBody } from '../../src/http/contract/agents.ts';
import { callbacksQuery } from '../../src/http/contract/callback.ts';
import { eventStreamQuery, eventsQuery, maintenanceBody } from '../../src/http/contract/events.ts';
import { editBody, readBody, writeBody } from '../../src/http/contract/files.ts';
import { notifyBody } from '../../src/http/contract/notify.ts';
import { outputBody, outputQuery } from '../../src/http/contract/output.ts';
import { recentQuery } from '../../src/http/contract/recent.ts';
import { scheduleBody, scheduleChange } from '../../src/http/contract/schedules.ts';
import { sessionsQuery } from '../../src/http/contract/sessions.ts';
import { batchBody, commandBody, listQuery, outcomeQuery } from '../../src/http/contract/tasks.ts';
import {
  eventBody,
  heartbeatBody,
  pollQuery,
  releaseBody,
  resultBody,
} from '../../src/http/contract/worker.ts';
import { OUTPUT_STREAMS, TASK_STATUSES, TASK_TYPES } from '../../src/queue/task.ts';
import { callback, LISTING, OLDER } from './callbacks.ts';
import {
  absent,
  bounded,
  boundedJson,
  boundedOrNull,
  choice,
  distinct,
  exactly,
  type Field,
  ids,
  integer,
  lenient,
  lenientText,
  NAME,
  name,
  names,
  object,
  own,
  present,
  queryChoice,
  queryInteger,
  queryText,
  session,
  text,
  type Value,
} from './fields.ts';
import { scheduleFields } from './schedules.ts';
import { words } from './values.ts';

/** Stand for ids that are known only when the request is sent; of the same length. */
export const TASK_ID = 'ffffffff-0000-4000-8000-00000000000a';
export const LEASE_ID = 'ffffffff-0000-4000-8000-00000000000b';
export const SCHEDULE_ID = 'ffffffff-0000-4000-8000-00000000000c';
export const CALLBACK_ID = 'ffffffff-0000-4000-8000-00000000000d';

/**
 * What has to be there before the request: a pending task, one that ended unread, a claimed one, a ready one of each
 * type; a schedule, or room for one; a callback that is dead.
 */
export type Need = 'pending' | 'ended' | 'claimed' | 'ready' | 'schedule' | 'room' | 'dead';

export interface Example {
  /** Fields of the query of a GET, of the body of a POST or PATCH. */
  fields: Readonly<Record<string, Field>>;
  /** The product's own schema of these fields; null where the route reads none. */
  contract: ZodType | null;
  need?: Need;
  /** A submission: takes an `Idempotency-Key`. */
  submits?: true;
  /** Refuses fields that it does not know; everywhere else they mean nothing. */
  strict?: true;
  /** Without a reason to answer it waits: whoever sends something odd hangs up soon. */
  parks?: true;
  /** The answer has no end: whoever has its head hangs up. */
  streams?: true;
}

const YEAR_MS = 366 * 86_400_000;
/** Past ones only: the others are a matter of the day. */
const runAt: Field = {
  valid: (random) =>
    random.pick([undefined, 0, 1_700_000_000_000, '1969-12-31T23:59Z', '2026-01-31T12:00:00.5+05:30']),
  invalid: (random) =>
    random.pick<Value>([
      -1,
      0.5,
      '',
      '5',
      'noon',
      '2026-01-31T12:00:00',
      '2026-02-30T12:00:00Z',
      null,
      [],
      {},
    ]),
};
const ASKED = {
  // No other: a session key may be some other request's as well, and has one queue.
  queue: {
    valid: (random) => random.pick([undefined, 'default']),
    invalid: (random) => random.pick<Value>(['', 'A B', 'q'.repeat(65), 5, null, [], {}]),
  },
  priority: integer(-10, 10),
  delayMs: integer(0, YEAR_MS),
  runAt: { ...runAt, valid: () => undefined },
  maxAttempts: integer(1, 20),
  leaseMs: integer(1_000, 3_600_000),
  retries: integer(0, 20),
  retryBackoffMs: integer(100, 900_000),
  tags: distinct(10, 64),
} satisfies Record<string, Field>;
/** Where it runs. */
const SURROUNDINGS: Record<string, Field> = {
  cwd: {
    valid: (random, marker) => random.pick([undefined, '/', '~', `~/${marker}`, `/${'x'.repeat(4_095)}`]),
    invalid: (random) =>
      random.pick<Value>(['', 'a/b', './a', '~user', '/\0', `/${'x'.repeat(4_096)}`, 5, null, [], {}]),
  },
  env: {
    valid: (random, marker) =>
      random.pick<Value>([undefined, {}, { A: marker, _b2: '' }, { LONG: 'x'.repeat(32_764) }]),
    invalid: (random) =>
      random.pick<Value>([
        ...[null, [], 'A=b', 5, { '': 'x' }, { '1A': 'x' }, { 'A B': 'x' }, { 'A=': 'x' }, { Ä: 'x' }],
        ...[{ A: 5 }, { A: null }, { A: ['x'] }, { A: '\0' }, { A: 'x'.repeat(32_768) }],
        Object.fromEntries(random.times(65, (n) => [`N${n}`, ''])),
      ]),
  },
};
const SUBMISSION = { sessionKey: bounded(200), callback, ...OLDER, ...SURROUNDINGS, ...ASKED };
/** Tasks without a session key, so that each may be in a queue of its own. */
const tasks: Field = {
  valid: (random, marker) =>
    random.times(random.pick([1, 2, 5, 50]), () => {
      const command = text.valid(random, marker) ?? null;
      const queue = random.pick(['default', 'gpu', marker]);
      const due = random.pick([{}, { delayMs: 1 }, { runAt: 0 }]);
      const told = callback.valid(random, marker);
      const task = { type: 'command', command, queue, ...due, tags: [marker] };
      return told === undefined ? task : { ...task, callback: told };
    }),
  invalid: (random) =>
    random.pick<Value>([undefined, null, 5, 'x', {}, [], random.times(501, () => ({ type: 'command' }))]),
};
/** Dollars. */
const budget: Field = {
  valid: (random) => random.pick([undefined, 10_000, 0.000_001, 5, random.int(1, 9_999) / 7]),
  invalid: (random) => random.pick<Value>([0, -1, 10_000.01, '5', '', null, true, [], {}, 1e308]),
};
const AGENT: Example = {
  fields: {
    prompt: text,
    timeout: lenient,
    sessionId: session,
    callback,
    ...OLDER,
    origin: lenientText(NAME),
    dispatchMode: lenientText(NAME),
    entrypoint: lenientText(NAME),
    sessionKey: absent,
    ...SURROUNDINGS,
    ...ASKED,
    delayMs: { ...ASKED.delayMs, valid: () => undefined },
    runAt,
    model: lenientText(NAME),
    maxBudgetUsd: absent,
    maxTurns: absent,
    sessionBudgetUsd: absent,
    resumeLatest: lenient,
  },
  contract: agentBody('codex-cli'),
  submits: true,
};
const CLAUDE: Example = {
  ...AGENT,
  fields: { ...AGENT.fields, maxBudgetUsd: budget, maxTurns: integer(1, 1_000), sessionBudgetUsd: budget },
  contract: agentBody('claude-cli'),
};
const LEASE = exactly(LEASE_ID, { refused: ['', 'l'.repeat(201), 5, true, [], {}] });
const PROVENANCE = ['sessionId', 'origin', 'dispatchMode', 'responseMode', 'entrypoint'];
const output: Field = {
  valid: (random, marker) => lenientOutput(lenientText(50_000).valid(random, marker)),
  invalid: (random) => random.pick<Value>([5, true, false, [], ['x'], {}]),
};
const exitCode: Field = {
  valid: (random) => random.pick([undefined, null, 0, 0, 1, -1, 255, 2 ** 31]),
  invalid: (random) => random.pick<Value>([0.5, '0', 'ENOENT', true, [], {}, 1e308, 2 ** 53]),
};
const optionalTaskId: Field = {
  valid: (random) => random.pick([undefined, null, TASK_ID, 'no-task', '']),
  invalid: (random) => random.pick<Value>([5, true, [], {}, 't'.repeat(NAME + 1)]),
};
const capabilities: Field = {
  valid: (random, marker) => {
    const value = object([]).valid(random, marker);
    return JSON.stringify(value ?? null).length > 16_384 ? {} : value;
  },
  invalid: (random) =>
    random.chance(0.2) ? { x: 'x'.repeat(16_384) } : (object([]).invalid?.(random) ?? []),
};
const paused: Field = {
  valid: (random) => {
    const one = {
      type: random.pick(TASK_TYPES),
      until: random.pick([null, 0, 8.64e15]),
      reason: 'rate limit',
    };
    return random.pick<Value>([undefined, [], [one], random.times(16, () => one)]);
  },
  invalid: (random) => {
    const one = { type: 'command', until: null, reason: 'x' };
    const wrong = [{ type: 'x' }, { until: -1 }, { until: '1' }, { reason: '' }, { reason: 'x'.repeat(201) }];
    return random.pick<Value>([
      null,
      {},
      'x',
      [null],
      [5],
      random.times(17, () => one),
      [{ ...one, ...random.pick(wrong) }],
    ]);
  },
};
const recent: Field = {
  valid: (random, marker) => {
    const one = {
      sessionId: marker,
      lastModified: '2026-01-31T12:00:00.000Z',
      sizeKB: 5,
      topic: words(random).slice(0, 300),
    };
    return random.pick<Value>([
      undefined,
      {},
      { claude: [] },
      { codex: [one], gemini: [{ ...one, project: 'p' }] },
    ]);
  },
  invalid: (random) =>
    random.pick<Value>([null, 'x', 5, [], { bard: [] }, { claude: {} }, { claude: [null] }, { codex: [{}] }]),
};
const channel: Field = {
  ...text,
  valid: (random, marker) => String(text.valid(random, marker)).toWellFormed(),
};
const lastEventId: Field = {
  valid: (random) => random.pick([undefined, '0', '1', '9'.repeat(15)]),
  invalid: (random) => random.pick(['', '-1', 'x', '1.5', '9'.repeat(16)]),
};
const NOTHING: Example = { fields: {}, contract: null };
const OF_PENDING: Example = { ...NOTHING, need: 'pending' };
const OF_SCHEDULE: Example = { ...NOTHING, need: 'schedule' };

export const EXAMPLES: Readonly<Record<string, Example>> = {
  'GET /health': NOTHING,
  'GET /ready': NOTHING,
  'POST /tasks': {
    fields: { command: text, timeout: lenient, ...SUBMISSION },
    contract: commandBody,
    submits: true,
  },
  'POST /tasks/batch': { fields: { tasks }, contract: batchBody, submits: true },
  'GET /tasks': {
    fields: {
      status: queryChoice(TASK_STATUSES),
      type: queryChoice(TASK_TYPES),
      sessionKey: { valid: (random, marker) => random.pick([undefined, marker]), invalid: () => '' },
      queue: { valid: () => 'default', invalid: (random) => random.pick(['', 'A B', 'q'.repeat(65)]) },
      tag: {
        valid: (random) => random.pick([undefined, 'tag']),
        invalid: (random) => random.pick(['', 't'.repeat(65)]),
      },
      scheduleId: { valid: (random, marker) => random.pick([undefined, marker]), invalid: () => '' },
      limit: queryInteger(1, 500),
      cursor: {
        valid: (random) => random.pick([undefined, '1', '9'.repeat(15)]),
        invalid: (random) => random.pick(['', '-1', 'x', '9'.repeat(16)]),
      },
    },
    contract: listQuery,
  },
  'GET /tasks/stats': NOTHING,
  'GET /tasks/:taskId': {
    fields: { wait: lenient, keep: queryChoice(['0', '1']) },
    contract: outcomeQuery,
    need: 'ended',
    parks: true,
  },
  'GET /tasks/:taskId/state': OF_PENDING,
  'GET /tasks/:taskId/output': {
    fields: { lastEventId },
    contract: outputQuery,
    need: 'pending',
    streams: true,
  },
  'POST /tasks/:taskId/cancel': OF_PENDING,
  'POST /tasks/:taskId/retry': { ...NOTHING, need: 'ended' },
  'POST /tasks/:taskId/unstick': OF_PENDING,
  'POST /files/write': {
    fields: { path: text, content: present, encoding: lenient, ...SUBMISSION },
    contract: writeBody,
    submits: true,
  },
  'POST /files/read': {
    fields: { path: text, encoding: choice(['base64', 'utf8', 'utf-8']), ...SUBMISSION },
    contract: readBody,
    submits: true,
  },
  'POST /files/edit': {
    fields: { path: text, old_string: present, new_string: present, replace_all: lenient, ...SUBMISSION },
    contract: editBody,
    submits: true,
  },
  'POST /claude': CLAUDE,
  'POST /codex': AGENT,
  'POST /gemini': AGENT,
  'GET /schedules': NOTHING,
  'POST /schedules': {
    fields: scheduleFields({ required: true }),
    contract: scheduleBody,
    strict: true,
    need: 'room',
  },
  'GET /schedules/:id': OF_SCHEDULE,
  'PATCH /schedules/:id': {
    fields: scheduleFields({ required: false }),
    contract: scheduleChange,
    strict: true,
    need: 'schedule',
  },
  'DELETE /schedules/:id': OF_SCHEDULE,
  'POST /schedules/:id/run': OF_SCHEDULE,
  'GET /callbacks': { fields: LISTING, contract: callbacksQuery },
  'POST /callbacks/:id/replay': { ...NOTHING, need: 'dead' },
  'GET /worker/poll': {
    fields: {
      wait: { valid: (random) => random.pick(['1', '0', '1000', '-5']), invalid: null },
      max: queryInteger(1, 50),
      runnerId: {
        valid: (random, marker) => random.pick([undefined, own(200).valid(random, marker)]),
        invalid: (random) => random.pick(['', 'r'.repeat(201)]),
      },
      instanceId: { ...bounded(200), invalid: (random) => random.pick(['', 'i'.repeat(201)]) },
      queues: {
        ...names(['default']),
        valid: (random) => random.pick([undefined, 'default', 'default,other']),
      },
      types: names(TASK_TYPES),
    },
    contract: pollQuery,
    need: 'ready',
    parks: true,
  },
  'POST /worker/result': {
    fields: {
      taskId: exactly(TASK_ID, { refused: [undefined, '', 0, null, 5, true, [], {}] }),
      leaseId: LEASE,
      stdout: output,
      stderr: output,
      exitCode,
      error: lenient,
      metadata: object(PROVENANCE),
    },
    contract: resultBody,
    need: 'claimed',
  },
  'POST /worker/event': {
    fields: {
      type: text,
      taskId: optionalTaskId,
      leaseId: boundedOrNull(200),
      details: boundedJson(64 * 1024),
      metadata: object(['taskType', 'taskStatus', ...PROVENANCE]),
    },
    contract: eventBody,
    need: 'pending',
  },
  'POST /worker/heartbeat': {
    fields: {
      runnerId: own(200),
      instanceId: name(200),
      leases: ids({ required: true }),
      spooled: ids({ required: false }),
      slots: integer(0, 10_000),
      capabilities,
      problem: bounded(500),
      paused,
      recent,
    },
    contract: heartbeatBody,
  },
  'POST /worker/release': {
    fields: { leaseId: LEASE, reason: bounded(1_000) },
    contract: releaseBody,
    need: 'claimed',
  },
  'POST /worker/output': {
    fields: {
      leaseId: {
        ...LEASE,
        invalid: (random) => random.pick<Value>([undefined, null, '', 'l'.repeat(201), 5, {}]),
      },
      seq: {
        valid: (random) => random.pick([1, 2, 2 ** 40]),
        invalid: (random) => random.pick<Value>([undefined, null, 0, -1, 0.5, '1', 2 ** 53, [], {}]),
      },
      stream: {
        valid: (random) => random.pick(OUTPUT_STREAMS),
        invalid: (random) => random.pick<Value>([undefined, null, '', 'stdin', 5, {}]),
      },
      chunk: {
        valid: (random, marker) => random.pick([marker, 'x'.repeat(65_536), '\u0000', '\ud800']),
        invalid: (random) => random.pick<Value>([undefined, null, '', 'x'.repeat(65_537), 5, [], {}]),
      },
    },
    contract: outputBody,
    need: 'claimed',
  },
  'GET /runners': NOTHING,
  'GET /events': {
    fields: { limit: lenient, taskId: queryText, type: queryText },
    contract: eventsQuery,
  },
  'GET /events/stats': NOTHING,
  'GET /events/stream': {
    fields: {
      taskId: { valid: (random) => random.pick([undefined, TASK_ID, 'no-task']), invalid: () => '' },
      type: { valid: (random, marker) => random.pick([undefined, marker]), invalid: () => '' },
      lastEventId,
    },
    contract: eventStreamQuery,
    streams: true,
  },
  'POST /events/maintenance': { fields: { vacuum: lenient }, contract: maintenanceBody },
  'GET /sessions/stats': NOTHING,
  'GET /sessions/state': {
    fields: { limit: lenient, cliType: queryText },
    contract: sessionsQuery,
  },
  'GET /claude/sessions': NOTHING,
  'GET /claude/recent': { fields: { limit: lenient }, contract: recentQuery },
  'GET /codex/recent': { fields: { limit: lenient }, contract: recentQuery },
  'GET /gemini/recent': { fields: { limit: lenient }, contract: recentQuery },
  'POST /notify': { fields: { channel, message: text }, contract: notifyBody },
};

/** A text or nothing. */
function lenientOutput(value: Value): Value {
  return typeof value === 'string' || value === null ? value : undefined;
}
