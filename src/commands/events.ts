/** `openclaw-runner events`: what has happened, and what happens. */
import { Option } from 'commander';
import type { Event, Gap } from '../client/index.ts';
import type { JsonValue } from '../queue/task.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, countTo, type Reaching, reaching } from './connect.ts';
import { print, printJson, styled, tell, terminalWidth } from './output.ts';
import { awayTeller, PATIENCE_MS } from './patience.ts';
import { type Column, table } from './table.ts';
import { localTime, shortTime } from './times.ts';

interface EventOptions extends Reaching {
  follow?: boolean;
  task?: string;
  type?: string;
  limit: number;
}

/** Most events that one request lists. */
const MAX_EVENTS = 500;

export function addEvents(add: Add, env: Environment): void {
  reaching(add('events', 'lists what has happened, the newest last'))
    .option('-f, --follow', 'goes on with what happens from now on')
    .option('--task <taskId>', 'only those of this task')
    .option('--type <type>', 'only these, as task.failed')
    .addOption(
      new Option('--limit <n>', `at most so many, up to ${MAX_EVENTS}`)
        .argParser(countTo(MAX_EVENTS))
        .default(20),
    )
    .action((options: EventOptions) => events(connect(env, options), options));
}

async function events(connected: Connected, options: EventOptions): Promise<void> {
  const { task: taskId, type, limit, json = false, follow = false } = options;
  const found = await connected.client.events.list({ taskId, type, limit });
  if (follow) return goOn(connected, options, found.toReversed());
  if (json) return void (await printJson({ events: found }));
  if (found.length === 0) return tell('No events. Each submission, start and end of a task is one.');
  await print(await eventTable(found.toReversed(), connected.clock.wall()));
}

/** Until nobody reads it any more, or Ctrl-C. */
async function goOn(connected: Connected, options: EventOptions, found: readonly Event[]): Promise<void> {
  const { client, clock } = connected;
  const { task: taskId, type, json = false } = options;
  const show = json ? (event: Event | Gap) => print(JSON.stringify(event)) : liner(() => clock.wall());
  for (const event of found) if (!(await show(event))) return;
  const onRetry = awayTeller(clock, PATIENCE_MS, json);
  const lastEventId = found.at(-1)?.seq;
  const stream = client.events.stream({ taskId, type }, { lastEventId, patienceMs: PATIENCE_MS, onRetry });
  for await (const event of stream) if (!(await show(event))) return;
}

/** Prints one at a time, in the columns of the first. */
function liner(now: () => number): (event: Event | Gap) => Promise<boolean> {
  let headless = false;
  return async (event) => {
    if (!('seq' in event)) return print(styled('yellow', gapLine(event)));
    const lines = await eventTable([event], now(), headless);
    headless = true;
    return print(lines);
  };
}

function gapLine({ from, to, reason }: Gap): string {
  const why =
    reason === 'trimmed' ? 'they were trimmed' : 'the Task API does not know them, as after a restore';
  return `-- events ${from} to ${to} are missing: ${why} --`;
}

function eventTable(events: readonly Event[], now: number, headless = false): Promise<string> {
  return table(eventColumns(now), events, { width: terminalWidth(), headless });
}

/** Wide enough for what may follow. */
function eventColumns(now: number): Column<Event>[] {
  const time = ({ createdAt }: Event) =>
    process.stdout.isTTY ? shortTime(createdAt, now) : localTime(createdAt);
  return [
    { title: 'TIME', text: time, style: () => 'gray', least: 8 },
    { title: 'EVENT', text: ({ type }) => type, style: ({ type }) => styleOf(type), least: 16 },
    { title: 'TASK', text: ({ taskId }) => taskId ?? '', least: 36 },
    { title: 'DETAILS', text: ({ details }) => brief(details), cut: true, least: 12 },
  ];
}

export function styleOf(type: string): 'green' | 'red' | null {
  if (/\.(failed|dead|lost|lease_lost|expired|refused)$/.test(type)) return 'red';
  return /\.(completed|sent)$/.test(type) ? 'green' : null;
}

/** Details as a person reads them: `exitCode: 1, error: timed out after 1000 ms`. */
export function brief(details: JsonValue): string {
  if (details === null) return '';
  if (typeof details !== 'object') return String(details);
  if (Array.isArray(details)) return details.map(brief).join(', ');
  const said = Object.entries(details).filter(([, value]) => value !== null);
  return said.map(([name, value]) => `${name}: ${spoken(name, value)}`).join(', ');
}

function spoken(name: string, value: JsonValue): string {
  if (typeof value === 'number' && name.endsWith('At')) return localTime(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
