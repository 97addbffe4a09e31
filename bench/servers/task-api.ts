/** Our Task API as users start it: a process of its own, default settings, a temporary data folder. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Target } from '../client.ts';
import type { Child } from '../processes.ts';
import type { Stage } from '../stage.ts';

const BIN = fileURLToPath(new URL('../../bin/openclaw-runner.mjs', import.meta.url));

export interface Server extends Target {
  child: Child;
}

export interface TaskApiPlace {
  /** Where its data folder is; a new one if missing. */
  home?: string;
  /** More settings than none. */
  env?: Record<string, string>;
}

export async function startTaskApi(stage: Stage, place: TaskApiPlace = {}): Promise<Server> {
  const token = randomBytes(24).toString('hex');
  const child = await launchTaskApi(stage, { ...place, env: { WORKER_TOKEN: token, ...place.env } });
  const url = await child.says((line) => (line.includes('"msg":"ready"') ? urlOf(line) : undefined));
  return { url, token, child };
}

/** Without waiting until it serves. */
export function launchTaskApi(stage: Stage, { home = stage.folder('task-api'), env }: TaskApiPlace) {
  const surroundings = { PATH: process.env.PATH ?? '', HOME: home };
  const own = { OPENCLAW_RUNNER_HOME: dataFolderIn(home), WORKER_PORT: '0' };
  return stage.processes.launch(process.execPath, [BIN, 'task-api'], {
    env: { ...surroundings, ...own, ...env },
  });
}

export function dataFolderIn(home: string): string {
  return join(home, 'data');
}

function urlOf(line: string): string {
  return String((JSON.parse(line) as { url: string }).url);
}
