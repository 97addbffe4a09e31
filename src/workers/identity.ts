import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors.ts';
import { holdLock } from '../lock.ts';
import { makeFolder } from '../paths.ts';
import { writeDurably } from './durable.ts';

/** One line of what the Task API takes for an id. */
const ID = /^.{1,200}$/;

/** The runner's id: stable over restarts, made at the first start of its data folder; `override` wins. */
export async function runnerIdOf(dataDir: string, override: string | null): Promise<string> {
  if (override !== null) return override;
  const path = join(dataDir, 'runner-id');
  const kept = (await readFile(path, 'utf8').catch(missing)).trim();
  if (kept === '') return makeId(path);
  if (ID.test(kept)) return kept;
  throw new Error(`${path} holds no id: one line of at most 200 characters is expected`);
}

async function makeId(path: string): Promise<string> {
  const id = randomUUID();
  await writeDurably(path, `${id}\n`);
  return id;
}

/** What is there and can't be read is no reason to become another runner: sessions are bound to the id. */
function missing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '';
}

/** Takes the data folder for this runner alone; what it returns gives it back. `StartError` when another one has it. */
export function lockFolder(dataDir: string): () => void {
  makeFolder(dataDir, 0o700);
  const unlock = holdLock(join(dataDir, 'runner.lock'));
  if (unlock !== null) return unlock;
  throw new StartError(
    `Another runner already uses the data folder ${dataDir}; stop it, or set OPENCLAW_RUNNER_HOME to another folder.`,
  );
}
