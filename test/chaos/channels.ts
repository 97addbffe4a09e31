/** What readers of the channels see of callbacks, against what they were owed. */
import type { Event } from '../../src/queue/events.ts';
import type { JsonObject } from '../../src/queue/task.ts';
import { type Callback, channelOf } from './callbacks.ts';
import type { Acknowledged } from './judge.ts';
import { FINAL } from './occurrences.ts';

/** What a reader sees, in its order. Of a webhook the JSON of each delivery, those that are repeated left out. */
export interface Channel {
  name: string;
  kind: Callback['kind'];
  messages: readonly string[];
  /** So many may come again: the destination can't tell a repetition, and their answers got lost. */
  mayRepeat: number;
}

export interface Called {
  channels: readonly Channel[];
  /** Of messages that were given up, why; by their task. */
  dead: ReadonlyMap<string, string>;
}

/** The message of one outcome. */
interface Owed {
  /** As sentences name its task. */
  name: string;
  channel: string;
  /** Of the event that tells of the outcome: in this order they are owed. */
  seq: number;
  /** What it consists of, in its order. */
  parts: readonly string[];
}

export const CALLBACK_FAULTS = ['callbacksMissing', 'callbacksDoubled', 'callbacksOutOfOrder'] as const;
export type CallbackFindings = Record<(typeof CALLBACK_FAULTS)[number], string[]>;

export function judgeCallbacks(tasks: readonly Acknowledged[], { channels, dead }: Called): CallbackFindings {
  const seen = channels.map((channel) => ({ ...channel, ...lookAt(channel, owedIn(tasks, dead, channel)) }));
  return {
    callbacksMissing: seen.flatMap(({ missing }) => missing),
    callbacksDoubled: seen.flatMap(({ surplus, mayRepeat }) => surplus.slice(mayRepeat)),
    callbacksOutOfOrder: seen.flatMap(({ late }) => late),
  };
}

/** How many messages are owed, in how many pieces they came, and how many a reader has seen again where nothing can prevent it. */
export function calledIn(tasks: readonly Acknowledged[], { channels, dead }: Called) {
  const repeated = channels.flatMap((channel) =>
    lookAt(channel, owedIn(tasks, dead, channel)).surplus.slice(0, channel.mayRepeat),
  );
  return {
    callbacksOwed: tasks.reduce((sum, task) => sum + outcomesOf(task).length, 0),
    callbackMessages: channels.reduce((sum, { messages }) => sum + messages.length, 0),
    callbacksRepeated: repeated.length,
  };
}

/** Each message that was owed has one event that tells what became of it. */
export function isTold(task: Acknowledged): boolean {
  const settled = task.events.filter(({ type }) => type === 'callback.sent' || type === 'callback.dead');
  return settled.length === outcomesOf(task).length;
}

function owedIn(tasks: readonly Acknowledged[], dead: Called['dead'], channel: Channel): Owed[] {
  const all = tasks.flatMap((task) => {
    const why = dead.get(task.taskId);
    const name = `${task.work.key} (${task.taskId}${why === undefined ? '' : `, given up: ${why}`})`;
    return outcomesOf(task).map((outcome) => ({ ...outcome, name }));
  });
  return all.filter((owed) => owed.channel === channel.name).sort((one, other) => one.seq - other.seq);
}

function outcomesOf(task: Acknowledged): Omit<Owed, 'name'>[] {
  const callback = task.work.body.callback as Callback | undefined;
  if (callback === undefined) return [];
  const channel = channelOf(callback);
  const endings = task.events.filter(({ type }) => FINAL.includes(type));
  return endings.map((ending, at) => {
    // It is started anew only by a client that has been told of the outcome before.
    const output = at === endings.length - 1 ? task.result?.stdout : task.told[at]?.stdout;
    const said = saidIn(output ?? '', ending);
    const parts = callback.kind === 'webhook' ? [`${ending.type} of ${task.taskId}: ${said}`] : partsOf(said);
    return { channel, seq: ending.seq, parts };
  });
}

function saidIn(output: string, { details }: Event): string {
  return output.trim() === '' ? textOf((details as JsonObject | null)?.error) : output;
}

function textOf(error: JsonObject[string] | undefined): string {
  return typeof error === 'string' ? error : JSON.stringify(error ?? null);
}

/** What a message is made of, wherever it is cut: nobody else prints the words of an attempt. */
const WORDS = /\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b(?:\.\d+)?/g;
/** What stands above the error of a failure: the label, and of an AI CLI the session. */
const HEADER = /^❌ (?:CC failed \(\d+s\)\n.*|\w+ failed \(\d+s\))\n/;

function partsOf(text: string): string[] {
  return text.match(WORDS) ?? [text.replace(HEADER, '').trim()];
}

function seenIn({ kind, messages }: Channel): string[] {
  return kind === 'webhook' ? messages.map(deliveryOf) : messages.flatMap(partsOf);
}

function deliveryOf(json: string): string {
  const { type, data } = JSON.parse(json);
  const output = String(data.result.stdout);
  const said = output.trim() === '' ? textOf(data.result.error) : output;
  return `${type} of ${data.task.taskId}: ${said}`;
}

/** Sentences of a channel: at most one of each kind for a message. */
interface Findings {
  missing: string[];
  surplus: string[];
  late: string[];
}

/**
 * Each part that is seen is the first one of its words that is owed and not seen yet; where answers got lost, one that
 * others are owed before is what was seen already, once more (all that were cancelled say the same).
 */
function lookAt(channel: Channel, owed: readonly Owed[]): Findings {
  const parts = owed.flatMap((message) => message.parts.map((part) => ({ part, message })));
  const places = parts.map((each, at) => ({ ...each, at }));
  const expected = Map.groupBy(places, ({ part }) => part);
  const owner = new Map(places.map(({ part, message }) => [part, message.name]));
  const surplus = new Set<string>();
  const late = new Map<Owed, string>();
  const unseen = new Set(places);
  const known = new Set<string>();
  let repeatable = channel.mayRepeat;
  let furthest = places[0];
  for (const part of seenIn(channel)) {
    const [next] = unseen;
    const isAgain = repeatable > 0 && known.has(part) && expected.get(part)?.[0] !== next;
    if (isAgain) repeatable--;
    known.add(part);
    const place = isAgain ? undefined : expected.get(part)?.shift();
    if (place !== undefined) unseen.delete(place);
    if (place === undefined) surplus.add(owner.get(part) ?? `nobody's “${part}”`);
    else if (furthest !== undefined && place.at < furthest.at) late.set(place.message, furthest.message.name);
    else furthest = place;
  }
  const missing = new Set([...expected.values()].flat().map(({ message }) => message));
  return {
    missing: [...missing].map(({ name }) => `${channel.name}: ${name} never came, or not as a whole`),
    surplus: [...surplus].map((name) => `${channel.name}: ${name} came too often`),
    late: [...late].map(([{ name }, after]) => `${channel.name}: ${name} came behind ${after}`),
  };
}
