/** `openclaw-runner batch`: many tasks at once, all of them or none. */
import { readFile } from 'node:fs/promises';
import type { Submission } from '../client/index.ts';
import { StartError } from '../errors.ts';
import type { Environment } from '../settings.ts';
import { type Add, connect, type Reaching, reaching } from './connect.ts';
import { print, printJson } from './output.ts';
import { type PatienceOptions, patienceOptions, submitting, untilInterrupted } from './patience.ts';
import { input } from './submission.ts';

type BatchOptions = Reaching & PatienceOptions;

export function addBatch(add: Add, env: Environment): void {
  const command = add('batch', 'submits up to 500 tasks, all of them or none, and prints their ids').argument(
    '<file>',
    'a JSON array of {"type": "command", "command": "…"} and the like, or one such object a line; - is stdin',
  );
  patienceOptions(reaching(command)).action(async (file: string, options: BatchOptions) => {
    const { client, clock } = connect(env, options);
    const given = tasksIn(file === '-' ? await input() : await contentOf(file));
    const tasks = await untilInterrupted(clock, options, (patience) =>
      submitting((more) => client.tasks.batch(given, more), options, patience),
    );
    await (options.json ? printJson({ tasks }) : print(tasks.map(({ taskId }) => taskId).join('\n')));
  });
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new StartError(`The file ${file} can't be read: ${(error as Error).message}.`);
  }
}

/** What each of them is, the Task API judges. `StartError` for what is no JSON. */
function tasksIn(text: string): Submission[] {
  if (text.trimStart().startsWith('[')) return parsed(text, 'It');
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }));
  return lines
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => parsed(line, `Line ${number}`));
}

function parsed<T>(json: string, what: string): T {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new StartError(`${what} is no JSON: ${(error as Error).message}.`);
  }
}
