/** `openclaw-runner show`: one task in sentences, its result, its story. */
import {
  type Event,
  type Result,
  type TaskApiClient,
  TaskApiError,
  type TaskState,
} from '../client/index.ts';
import { invocation, type Reach } from '../invocation.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { brief, styleOf } from './events.ts';
import { inLine, print, printJson, styled, terminalWidth, visible } from './output.ts';
import { type Column, table } from './table.ts';
import { STATUS_STYLES } from './tasks.ts';
import { away, duration, localTime, timeAndDistance } from './times.ts';

/** Events of a task that are asked for; a story that is longer loses its beginning. */
const MAX_EVENTS = 500;
/** Lines of an output that are shown of it. */
const MAX_LINES = 20;

export function addShow(add: Add, env: Environment): void {
  reaching(add('show', 'says where a task is and why, its result, and its story'))
    .argument('<taskId>')
    .action((taskId: string, options: Reaching) => show(connect(env, options), taskId, options));
}

async function show({ client, reach, clock }: Connected, taskId: string, { json }: Reaching): Promise<void> {
  const state = await client.tasks.state(taskId);
  const [result, events] = await Promise.all([
    resultOf(client, taskId),
    client.events.list({ taskId, limit: MAX_EVENTS }),
  ]);
  if (json) return void (await printJson({ state, result, events }));
  const now = clock.wall();
  const title = styled('bold', `Task ${taskId}`);
  const status = styled(STATUS_STYLES[state.status], state.status);
  const parts = [
    `${title}  ${status}\n${sentencesOf(state, now).join('\n')}`,
    await table(FACT_COLUMNS, factsOf(state, now), { width: terminalWidth(), headless: true }),
    ...(result === null ? [] : [resultText(result, reach)]),
    ...(events.length === 0 ? [] : [await story(events.toReversed())]),
  ];
  await print(parts.join('\n\n'));
}

/** Null when there is none yet, or it was read. */
async function resultOf(client: TaskApiClient, taskId: string): Promise<Result | null> {
  try {
    return (await client.tasks.outcome(taskId)).result;
  } catch (error) {
    if (error instanceof TaskApiError && error.status === 404) return null;
    throw error;
  }
}

function sentencesOf(state: TaskState, now: number): string[] {
  const { status, readAt } = state;
  const read = readAt === null ? [] : [`Its result was read ${away(readAt, now)}, and is gone.`];
  if (status === 'pending') return [waitingSentence(state, now)];
  return status === 'running' ? runningSentences(state, now) : [endedSentence(state, now), ...read];
}

function waitingSentence(state: TaskState, now: number): string {
  const { waitingFor, position, sessionKey, runnerId, dueAt, failures } = state;
  const place = position === null ? '' : `; its place in line is ${position}`;
  if (waitingFor === 'blocked')
    return `It waits for earlier tasks of its session key "${inLine(sessionKey ?? '')}"${place}.`;
  if (waitingFor === 'runner') {
    const runner = runnerId === null ? 'the runner' : `the runner "${inLine(runnerId)}"`;
    return `It waits for ${runner} that has the files of its session, and is away; "unstick" frees it.`;
  }
  if (waitingFor === 'delayed') {
    const again = failures > 0 ? `It has failed ${times(failures)}, and waits` : 'It is delayed';
    return dueAt === null ? `${again}.` : `${again} until ${localTime(dueAt)} (${away(dueAt, now)}).`;
  }
  return `It is ready, and waits for a runner${place}.`;
}

function runningSentences(state: TaskState, now: number): string[] {
  const { startedAt, leaseUntil, cancelRequested } = state;
  const since = startedAt === null ? '' : `, for ${duration(now - startedAt)} now`;
  return [
    `It runs at ${runnerOf(state)}${since}.`,
    ...(leaseUntil === null
      ? []
      : [`If nothing is heard of that, it is given away ${away(leaseUntil, now)}.`]),
    ...(cancelRequested ? ['Its runner has been asked to stop it.'] : []),
  ];
}

function endedSentence(state: TaskState, now: number): string {
  const { status, startedAt, completedAt } = state;
  const verb = { completed: 'It completed', failed: 'It failed', cancelled: 'It was cancelled' };
  const when = completedAt === null ? '' : ` ${away(completedAt, now)}`;
  if (startedAt === null || completedAt === null)
    return `${verb[status as keyof typeof verb]}${when}; no runner had it.`;
  const took = duration(Math.max(0, completedAt - startedAt));
  return `${verb[status as keyof typeof verb]}${when}, after ${took} at ${runnerOf(state)}.`;
}

function runnerOf({ runnerId }: TaskState): string {
  return runnerId === null
    ? 'an older runner, which sends no heartbeats'
    : `the runner "${inLine(runnerId)}"`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

type Fact = [name: string, value: string];

const FACT_COLUMNS: Column<Fact>[] = [
  { title: '', text: ([name]) => name, style: () => 'gray' },
  { title: '', text: ([, value]) => value, cut: true },
];

function factsOf(state: TaskState, now: number): Fact[] {
  const { type, queue, priority, tags, sessionId, sessionKey, scheduleId } = state;
  const at = (ms: number | null) => (ms === null ? '' : timeAndDistance(ms, now));
  const facts: Fact[] = [
    ['type', type],
    ['queue', queue],
    ['priority', priority === 0 ? '' : String(priority)],
    ['tags', tags.join(', ')],
    ['session', sessionId ?? ''],
    ['session key', sessionId === null ? (sessionKey ?? '') : ''],
    ['schedule', scheduleId ?? ''],
    ['attempts', attemptsOf(state)],
    ['created', at(state.createdAt)],
    ['due', state.startedAt === null ? at(state.dueAt) : ''],
    ['started', at(state.startedAt)],
    ['ended', at(state.completedAt)],
  ];
  return facts.filter(([, value]) => value !== '');
}

function attemptsOf({ attempt, lost, failures, maxAttempts }: TaskState): string {
  if (attempt === 0) return '';
  const fates = [
    ...(lost > 0 ? [`lost ${times(lost)} of ${maxAttempts}`] : []),
    ...(failures > 0 ? [`failed ${times(failures)}`] : []),
  ];
  return [String(attempt), ...fates].join(', ');
}

function resultText({ taskId, exitCode, error, stdout, stderr }: Result, reach: Reach): string {
  const outputs = [sample('stdout', stdout), sample('stderr', stderr)];
  const isCut = outputs.some(({ hidden }) => hidden > 0);
  return [
    `${styled('bold', 'Result')}  exit code ${exitCode}${error === null ? '' : `, ${inLine(brief(error))}`}`,
    ...outputs.flatMap(({ lines }) => lines),
    ...(isCut ? [`All of it: ${invocation('logs', taskId, reach)}`] : []),
  ].join('\n');
}

/** The last lines of an output, under its name. */
function sample(name: string, output: string): { lines: string[]; hidden: number } {
  if (output === '') return { lines: [], hidden: 0 };
  const all = visible(output).replaceAll('\t', '    ').trimEnd().split('\n');
  const shown = all.slice(-MAX_LINES);
  const hidden = all.length - shown.length;
  const title = hidden === 0 ? name : `${name}, the last ${MAX_LINES} of ${all.length} lines`;
  return { lines: [styled('gray', title), ...shown.map((line) => `  ${line}`)], hidden };
}

async function story(events: readonly Event[]): Promise<string> {
  const columns: Column<Event>[] = [
    { title: '', text: ({ createdAt }) => localTime(createdAt), style: () => 'gray' },
    { title: '', text: ({ type }) => type, style: ({ type }) => styleOf(type) },
    { title: '', text: ({ details }) => brief(details), cut: true },
  ];
  const lines = await table(columns, events, { width: terminalWidth(), headless: true });
  return `${styled('bold', 'Story')}\n${lines}`;
}
