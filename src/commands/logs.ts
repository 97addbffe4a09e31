/** `openclaw-runner logs`: what a task has printed, byte for byte; on a terminal, what that would obey is left out. */
import { type Outcome, TaskApiError } from '../client/index.ts';
import { StartError } from '../errors.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { LiveOutput } from './live.ts';
import { coloured, printJson, tell } from './output.ts';
import { awayTeller, PATIENCE_MS } from './patience.ts';
import { printResult, tellMore } from './submit.ts';
import { timeAndDistance } from './times.ts';

interface LogsOptions extends Reaching {
  follow?: boolean;
}

export function addLogs(add: Add, env: Environment): void {
  reaching(add('logs', 'prints what a task has printed'))
    .argument('<taskId>')
    .option('-f, --follow', 'shows it while it is printed, until its end')
    .action((taskId: string, options: LogsOptions) => logs(connect(env, options), taskId, options));
}

async function logs(connected: Connected, taskId: string, options: LogsOptions): Promise<void> {
  const { json = false, follow = false } = options;
  const now = await outcomeOf(connected, taskId);
  const live = now.result === null && follow && !json ? new LiveOutput(asShown) : undefined;
  const outcome = now.result === null && follow ? await atItsEnd(connected, taskId, { json, live }) : now;
  if (outcome.result !== null) return printResult(outcome.result, { json, live, shown: asShown });
  if (json) return void (await printJson({ taskId, status: outcome.status }));
  tell(`Task ${taskId} is ${outcome.status}; its output comes when it has ended. -f shows it as it comes.`);
}

/** Nobody has asked for what an output does to a terminal, as whoever submits has. */
function asShown({ isTTY }: NodeJS.WriteStream, text: string): string {
  return isTTY ? coloured(text) : text;
}

async function atItsEnd(
  connected: Connected,
  taskId: string,
  { json, live }: { json: boolean; live: LiveOutput | undefined },
): Promise<Outcome> {
  const { client, clock, reach } = connected;
  const options = { patienceMs: PATIENCE_MS, onRetry: awayTeller(clock, PATIENCE_MS, json) };
  const waiting = client.tasks.wait(taskId, options);
  const result = await (live?.during(connected, taskId, options, waiting) ?? waiting);
  if (live?.isWhole === false) tellMore(reach, taskId);
  return { result };
}

/** `StartError` when the result was read, and is gone. */
async function outcomeOf({ client, clock }: Connected, taskId: string): Promise<Outcome> {
  try {
    return await client.tasks.outcome(taskId);
  } catch (error) {
    if (!(error instanceof TaskApiError) || error.status !== 404) throw error;
    const { status, readAt } = await client.tasks.state(taskId);
    const when = readAt === null ? '' : ` ${timeAndDistance(readAt, clock.wall())}`;
    throw new StartError(`Task ${taskId} is ${status}; its result was read${when}, and is gone.`);
  }
}
