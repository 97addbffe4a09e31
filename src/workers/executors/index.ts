import type { Executors } from '../executor.ts';
import { editFile, readFile, writeFile } from './file.ts';
import { createShellExecutor } from './shell.ts';

/** What every runner can do, without an AI CLI. */
export function baseExecutors(shell: string): Executors {
  return {
    command: createShellExecutor(shell),
    'file-read': readFile,
    'file-write': writeFile,
    'file-edit': editFile,
  };
}
