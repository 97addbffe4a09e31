import type { Executors } from '../executor.ts';
import { fileTasks } from './file.ts';
import { isolatedFile } from './isolated-file.ts';
import { createShellExecutor } from './shell.ts';

/** What every runner can do, without an AI CLI. `isolated`: its children have fewer rights than it has itself. */
export function baseExecutors(shell: string, isolated: boolean): Executors {
  const isolatedFiles = { 'file-read': isolatedFile, 'file-write': isolatedFile, 'file-edit': isolatedFile };
  return { command: createShellExecutor(shell), ...(isolated ? isolatedFiles : fileTasks) };
}
