/** `openclaw-runner schedules`: tasks that are submitted again and again. A schedule goes by its name, or its id. */
import { type Command, Option } from 'commander';
import type { Schedule, ScheduleChanges, TaskApiClient } from '../client/index.ts';
import { StartError } from '../errors.ts';
import { invocation } from '../invocation.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { UsageError } from './failure.ts';
import { inLine, print, printJson, styled, tell, terminalWidth } from './output.ts';
import { type SubmissionOptions, submissionOf, submissionOptions } from './submission.ts';
import { type Column, table } from './table.ts';
import { away, timeAndDistance } from './times.ts';

interface ScheduleOptions extends Reaching, SubmissionOptions {
  name?: string;
  cron?: string;
  timeZone?: string;
  overlap?: Schedule['overlap'];
  missed?: Schedule['missed'];
}

export function addSchedules(add: Add, env: Environment): void {
  const schedules = add('schedules', 'tasks that are submitted again and again');
  const command = (name: string, does: string, options?: { isDefault: boolean }) =>
    reaching(schedules.command(name, options ?? {}).description(does));
  command('list', 'lists the schedules', { isDefault: true }).action((options: Reaching) =>
    list(connect(env, options), options),
  );
  const named = (name: string, does: string) =>
    command(name, does).argument('<schedule>', 'its name or its id');
  named('show', 'shows a schedule').action((name: string, options: Reaching) =>
    onOne(connect(env, options), name, options, async (_, schedule) => schedule),
  );
  named('pause', 'lets its occurrences pass').action((name: string, options: Reaching) =>
    onOne(connect(env, options), name, options, (client, { id }) => client.schedules.pause(id)),
  );
  named('resume', 'goes on from now').action((name: string, options: Reaching) =>
    onOne(connect(env, options), name, options, (client, { id }) => client.schedules.resume(id)),
  );
  named('run', 'submits its task now').action((name: string, options: Reaching) =>
    run(connect(env, options), name, options),
  );
  named('remove', 'ends a schedule; its tasks stay').action((name: string, options: Reaching) =>
    remove(connect(env, options), name, options),
  );
  addAdding(command, env);
  addEditing(named, env);
}

function addAdding(command: Add, env: Environment): void {
  const adding = command('add', 'adds a schedule')
    .argument('<name>', 'what it is called')
    .argument('<cron>', "when, as '0 9 * * mon-fri'; with six fields, the first are seconds")
    .argument('<words...>', 'the command, or the prompt of an AI CLI; best in quotes');
  submissionOptions(ruleOptions(adding)).action(
    async (name: string, cron: string, words: string[], options: ScheduleOptions) => {
      const { client, clock } = connect(env, options);
      const { timeZone = ownTimeZone(), overlap, missed } = options;
      const task = submissionOf(words, options);
      const schedule = await client.schedules.add({ name, cron, timeZone, task, overlap, missed });
      await (options.json ? printJson(schedule) : print(await described(schedule, clock.wall())));
    },
  );
}

function addEditing(named: Add, env: Environment): void {
  const editing = named('edit', 'changes what is named; with words, the whole task')
    .argument('[words...]', 'another command or prompt')
    .option('--name <name>', 'what it is called from now on')
    .option('--cron <cron>', 'when');
  submissionOptions(ruleOptions(editing)).action(
    (schedule: string, words: string[], options: ScheduleOptions) => {
      const { name, cron, timeZone, overlap, missed } = options;
      const task = words.length === 0 ? undefined : submissionOf(words, options);
      const changes: ScheduleChanges = { name, cron, timeZone, overlap, missed, task };
      if (Object.values(changes).every((change) => change === undefined))
        throw new UsageError(
          'There is nothing to change: name an option, or give the words of another task.',
        );
      return onOne(connect(env, options), schedule, options, (client, { id }) =>
        client.schedules.edit(id, changes),
      );
    },
  );
}

function ruleOptions(command: Command): Command {
  return command
    .option('--time-zone <name>', 'whose clock counts, as Europe/Berlin; of a new one, that of this machine')
    .addOption(
      new Option('--overlap <rule>', 'what it does while its last task is unfinished').choices([
        'skip',
        'queue',
      ]),
    )
    .addOption(
      new Option('--missed <rule>', 'what is made up for after an outage: nothing, or one run').choices([
        'skip',
        'once',
      ]),
    );
}

async function list({ client, reach, clock }: Connected, { json = false }: Reaching): Promise<void> {
  const schedules = await client.schedules.list();
  if (json) return void (await printJson({ schedules }));
  if (schedules.length > 0)
    return void (await print(await table(columns(clock.wall()), schedules, { width: terminalWidth() })));
  const first = invocation('schedules add', "nightly '0 3 * * *' 'echo hello'", reach);
  tell(`No schedules. Add one with: ${first}`);
}

/** Does something to a schedule, and shows it. */
async function onOne(
  { client, clock }: Connected,
  name: string,
  { json = false }: Reaching,
  act: (client: TaskApiClient, schedule: Schedule) => Promise<Schedule>,
): Promise<void> {
  const schedule = await act(client, await find(client, name));
  await (json ? printJson(schedule) : print(await described(schedule, clock.wall())));
}

async function run({ client }: Connected, name: string, { json = false }: Reaching): Promise<void> {
  const { id } = await find(client, name);
  const submitted = await client.schedules.run(id);
  await (json ? printJson(submitted) : print(`Submitted task ${submitted.taskId}.`));
}

async function remove({ client }: Connected, name: string, { json = false }: Reaching): Promise<void> {
  const schedule = await find(client, name);
  await client.schedules.remove(schedule.id);
  await (json ? printJson(schedule) : print(`Removed "${inLine(schedule.name)}". Its tasks stay.`));
}

/** Names are unique, and win over ids. `StartError`. */
async function find(client: TaskApiClient, name: string): Promise<Schedule> {
  const schedules = await client.schedules.list();
  const found = schedules.find((one) => one.name === name) ?? schedules.find(({ id }) => id === name);
  if (found === undefined) throw new StartError(`There is no schedule "${inLine(name)}".`);
  return found;
}

function columns(now: number): Column<Schedule>[] {
  return [
    { title: 'NAME', text: ({ name }) => name },
    { title: 'CRON', text: ({ cron }) => cron },
    { title: 'NEXT', text: (one) => nextOf(one, now), style: ({ paused }) => (paused ? 'yellow' : null) },
    { title: 'LAST', text: ({ lastRunAt }) => (lastRunAt === null ? 'never' : away(lastRunAt, now)) },
    { title: 'TIME ZONE', text: ({ timeZone }) => timeZone, spare: true },
    { title: 'TASK', text: taskOf, cut: true, least: 12 },
    { title: 'ID', text: ({ id }) => id, spare: true },
  ];
}

function nextOf({ paused, nextRunAt }: Schedule, now: number): string {
  if (paused) return 'paused';
  return nextRunAt === null ? 'never' : away(nextRunAt, now);
}

/** What it does, on one line. */
function taskOf({ task }: Schedule): string {
  const { type, command, prompt, path } = task;
  const what = command ?? prompt ?? path;
  return typeof what === 'string' && type !== 'command' ? `${type}: ${what}` : String(what ?? type);
}

type Fact = [name: string, value: string];

async function described(schedule: Schedule, now: number): Promise<string> {
  const { name, id, cron, timeZone, task, overlap, missed, paused, nextRunAt, lastRunAt, lastTaskId } =
    schedule;
  const at = (ms: number | null) => (ms === null ? 'never' : timeAndDistance(ms, now));
  const { type, command: _command, prompt: _prompt, ...others } = task;
  const more = Object.entries(others).map(([field, value]) => `${field}: ${JSON.stringify(value)}`);
  const facts: Fact[] = [
    ['id', id],
    ['cron', `${cron} (${timeZone})`],
    ['task', String(type)],
    ['', taskOf(schedule)],
    ['with', more.join(', ')],
    [
      'overlap',
      overlap === 'skip' ? 'skip: passes while its last task is unfinished' : 'queue: waits in line',
    ],
    ['missed', missed === 'skip' ? 'skip: makes up for nothing' : 'once: makes up with one run'],
    ['next', paused ? 'paused' : at(nextRunAt)],
    ['last', at(lastRunAt)],
    ['last task', lastTaskId ?? ''],
  ];
  const shown = facts.filter(([, value]) => value !== '');
  const lines = await table(FACT_COLUMNS, shown, { width: terminalWidth(), headless: true });
  return `${styled('bold', inLine(name))}\n${lines}`;
}

const FACT_COLUMNS: Column<Fact>[] = [
  { title: '', text: ([field]) => field, style: () => 'gray' },
  { title: '', text: ([, value]) => value },
];

function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
