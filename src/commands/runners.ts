/** `openclaw-runner runners`: who executes, and whether it does. */
import type { RunnerState } from '../client/index.ts';
import { invocation } from '../invocation.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { inLine, print, printJson, tell, terminalWidth } from './output.ts';
import { type Column, table } from './table.ts';
import { away } from './times.ts';

export function addRunners(add: Add, env: Environment): void {
  reaching(add('runners', 'lists the runners, and what is wrong with them')).action((options: Reaching) =>
    runners(connect(env, options), options),
  );
}

async function runners({ client, reach, clock }: Connected, { json = false }: Reaching): Promise<void> {
  const found = await client.runners();
  if (json) return void (await printJson({ runners: found }));
  if (found.length === 0)
    return tell(`No runner has been here. Start one with: ${invocation('runner', '', reach).trimEnd()}`);
  await print(await table(columns(clock.wall()), found, { width: terminalWidth() }));
  const notes = found.flatMap((runner) => notesOn(runner, clock.wall()));
  if (notes.length > 0) await print(['', ...notes].join('\n'));
}

/** What keeps it from some of its work, or from all. */
function notesOn({ runnerId, problem, paused }: RunnerState, now: number): string[] {
  const pauses = paused.map(({ type, until, reason }) => {
    const end = until === null ? '' : `, goes on ${away(until, now)}`;
    return `${type} is paused${end}: ${reason}`;
  });
  return [...(problem === null ? [] : [problem]), ...pauses].map(
    (note) => `${inLine(runnerId)}: ${inLine(note)}`,
  );
}

function columns(now: number): Column<RunnerState>[] {
  return [
    { title: 'RUNNER', text: ({ runnerId }) => runnerId },
    { title: 'HEALTH', text: healthOf, style: (runner) => (runner.healthy ? 'green' : 'red') },
    { title: 'TASKS', text: tasksOf },
    { title: 'HEARD OF', text: (runner) => at(heardAt(runner), now) },
    { title: 'LAST CLAIM', text: ({ lastClaimAt }) => at(lastClaimAt, now), spare: true },
    { title: 'TYPES', text: typesOf, cut: true, spare: true },
  ];
}

function healthOf({ healthy, connected }: RunnerState): string {
  if (healthy) return 'healthy';
  return connected ? 'unhealthy' : 'away';
}

/** `2 of 5` */
function tasksOf({ running, slots }: RunnerState): string {
  if (running === null) return '';
  return slots === null ? String(running) : `${running} of ${slots}`;
}

function heardAt({ lastPollAt, lastHeartbeatAt }: RunnerState): number | null {
  return Math.max(lastPollAt ?? 0, lastHeartbeatAt ?? 0) || null;
}

function typesOf({ capabilities }: RunnerState): string {
  const types = capabilities?.types;
  return Array.isArray(types) ? types.join(', ') : '';
}

function at(ms: number | null, now: number): string {
  return ms === null ? '' : away(ms, now);
}
