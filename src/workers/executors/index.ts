import type { Executors } from '../executor.ts';
import { editFile, readFile, writeFile } from './file.ts';
import { createShellExecutor, systemShell } from './shell.ts';

/** What every runner can do, without an AI CLI. `shell`: null for the user's own. */
export function baseExecutors(shell: string | null): Executors {
  return {
    command: createShellExecutor(systemShell(shell)),
    'file-read': readFile,
    'file-write': writeFile,
    'file-edit': editFile,
  };
}
