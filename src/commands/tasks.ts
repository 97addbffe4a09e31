/** `openclaw-runner tasks`, `cancel`, `retry` and `unstick`. */
import { Option } from 'commander';
import type {
  TaskApiClient,
  TaskFilter,
  TaskPage,
  TaskState,
  TaskStatus,
  TaskType,
} from '../client/index.ts';
import { invocation } from '../invocation.ts';
import { TASK_STATUSES } from '../queue/task.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, count, type Reaching, reaching } from './connect.ts';
import { inLine, print, printJson, type styled, tell, terminalWidth, visible } from './output.ts';
import { taskType } from './submission.ts';
import { type Column, table } from './table.ts';
import { away } from './times.ts';

/** Tasks that one request lists at most. */
const PAGE = 500;

interface ListOptions extends Reaching {
  status?: TaskStatus;
  type?: TaskType;
  queue?: string;
  tag?: string;
  sessionKey?: string;
  schedule?: string;
  limit: number;
  cursor?: string;
}

type Style = Parameters<typeof styled>[0];

export const STATUS_STYLES: Record<TaskStatus, Style> = {
  pending: 'yellow',
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'gray',
};

export function addTaskCommands(add: Add, env: Environment): void {
  reaching(add('tasks', 'lists tasks, the newest first'))
    .addOption(new Option('--status <status>', 'only these').choices(TASK_STATUSES))
    .option('--type <type>', 'only these: command, file-read, claude, …', taskType)
    .option('--queue <name>', 'only those of this queue')
    .option('--tag <tag>', 'only those with this tag')
    .option('--session-key <key>', 'only those of this session key')
    .option('--schedule <id>', 'only those of this schedule')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(20))
    .option('--cursor <cursor>', 'goes on behind a list: the "nextCursor" that --json has')
    .action((options: ListOptions) => list(connect(env, options), options));
  addAction(add, env, {
    name: 'cancel',
    does: 'cancels a task',
    act: (client, taskId) => client.tasks.cancel(taskId),
    said: ({ taskId, status, cancelRequested }) =>
      cancelRequested && status === 'running'
        ? `${taskId} is running: its runner has been asked to stop it.`
        : `${taskId} is ${status}.`,
  });
  addAction(add, env, {
    name: 'retry',
    does: 'starts a failed or cancelled task anew, in its old place',
    act: (client, taskId) => client.tasks.retry(taskId),
    said: ({ taskId, status }) => `${taskId} is ${status} again.`,
  });
  addAction(add, env, {
    name: 'unstick',
    does: 'says why a task is where it is, and frees what can be freed',
    act: (client, taskId) => client.tasks.unstick(taskId),
    said: ({ was, did }) => (did === 'nothing' ? was : `${was}\nDone: ${did}.`),
  });
}

/** Does one thing to one task, and says what came of it. */
interface Action<Answer> {
  name: string;
  does: string;
  act: (client: TaskApiClient, taskId: string) => Promise<Answer>;
  said: (answer: Answer) => string;
}

function addAction<Answer>(add: Add, env: Environment, { name, does, act, said }: Action<Answer>): void {
  reaching(add(name, does))
    .argument('<taskId>')
    .action(async (taskId: string, options: Reaching) => {
      const answer = await act(connect(env, options).client, taskId);
      await (options.json ? printJson(answer) : print(visible(said(answer))));
    });
}

async function list({ client, reach, clock }: Connected, options: ListOptions): Promise<void> {
  const { status, type, queue, tag, sessionKey, schedule: scheduleId, limit, cursor, json = false } = options;
  const filter = { status, type, queue, tag, sessionKey, scheduleId, cursor };
  const page = await pageOf(client, filter, limit);
  if (json) return void (await printJson(page));
  if (page.tasks.length === 0) {
    const first = invocation('submit', "'echo hello'", reach);
    const isFiltered = Object.values(filter).some((asked) => asked !== undefined);
    return tell(isFiltered ? 'No task is like that.' : `No tasks. Submit one with: ${first}`);
  }
  await print(await table(columns(clock.wall()), page.tasks, { width: terminalWidth() }));
  if (page.nextCursor !== null && process.stdout.isTTY)
    tell(`There are more than these ${limit}; --limit shows them.`);
}

async function pageOf(client: TaskApiClient, filter: TaskFilter, limit: number): Promise<TaskPage> {
  const tasks: TaskState[] = [];
  for (let page = filter; ; ) {
    const found = await client.tasks.list({ ...page, limit: Math.min(limit - tasks.length, PAGE) });
    tasks.push(...found.tasks);
    const { nextCursor } = found;
    if (nextCursor === null || tasks.length >= limit) return { tasks, nextCursor };
    page = { ...filter, cursor: nextCursor };
  }
}

function columns(now: number): Column<TaskState>[] {
  const isOfDefaultQueue = ({ queue }: TaskState) => queue === 'default';
  return [
    { title: 'ID', text: ({ taskId }) => taskId },
    { title: 'STATUS', text: statusOf, style: ({ status }) => STATUS_STYLES[status] },
    { title: 'TYPE', text: ({ type }) => type, spare: true },
    { title: 'CREATED', text: ({ createdAt }) => away(createdAt, now), spare: true },
    { title: 'RUNNER', text: ({ runnerId }) => runnerId ?? '', cut: true, spare: true },
    { title: 'QUEUE', text: (task) => (isOfDefaultQueue(task) ? '' : task.queue), cut: true, spare: true },
    { title: 'SESSION KEY', text: ({ sessionKey }) => sessionKey ?? '', cut: true, spare: true },
    { title: 'TAGS', text: ({ tags }) => tags.map(inLine).join(', '), cut: true, spare: true },
  ];
}

/** With why it is not further. */
function statusOf({ status, waitingFor, cancelRequested }: TaskState): string {
  if (status === 'running' && cancelRequested) return 'running, to end';
  return waitingFor === null || waitingFor === 'ready' ? status : `${status}, ${WAITING[waitingFor]}`;
}

const WAITING = { blocked: 'blocked', delayed: 'delayed', runner: 'runner away' } as const;
