import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, stat } from 'node:fs/promises';
import { homedir, constants as osConstants } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { GUARD_FD, guarded } from './guard.ts';
import { closePipes, type OutputPipe, openPipes } from './output-pipe.ts';
import type { ProcessOptions } from './process.ts';
import { killTreeOf } from './process-tree.ts';

/** A started child, leader of a process group with a guard in it. */
export interface Child {
  stdout: Readable;
  stderr: Readable;
  hasEnded(): boolean;
  /** Resolves when the child itself has ended; what it started may live on. */
  ended: Promise<{ exitCode: number; signal: NodeJS.Signals | null }>;
  /** Signals all that descends from it. */
  kill(signal: NodeJS.Signals): void;
  /** Closes our ends of its pipes. */
  letGo(): void;
}

const windows = process.platform === 'win32';
const killTree = killTreeOf(process.platform);

/** A child that could not be started for a reason that lies with this machine, and not with what was asked. */
export class CannotStart extends Error {}

/** Throws an error with a sentence for the result when the child can't be started. */
export async function startChild(options: ProcessOptions): Promise<Child> {
  const cwd = options.cwd ?? homedir();
  await checkFolder(cwd);
  const file = windows ? options.file : await findExecutable(options.file, options.env.PATH ?? '', cwd);
  let pipes: OutputPipe[] | null = null;
  try {
    pipes = await openPipes(2);
    const child = spawnLeader(file, options, { cwd, pipes });
    const ended = endOf(child);
    await once(child, 'spawn');
    feed(child, options.stdin ?? null);
    return asChild(child, pipes, ended);
  } catch (error) {
    for (const { source } of pipes ?? []) source.destroy();
    throw startError(error);
  }
}

/** What no system call has refused was not fit to be started. */
function startError(error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'E2BIG') return new Error(TOO_LONG);
  return syscall === undefined ? error : new CannotStart(message, { cause: error });
}

const TOO_LONG = 'the command line is longer than this system takes (E2BIG)';

function spawnLeader(
  file: string,
  options: ProcessOptions,
  { cwd, pipes }: { cwd: string; pipes: OutputPipe[] | null },
): ChildProcess {
  const { args, env } = options;
  const [stdout = 'pipe', stderr = 'pipe'] = pipes?.map((pipe) => pipe.fd) ?? [];
  const stdin = options.stdin == null ? 'ignore' : 'pipe';
  const stdio: StdioOptions = windows ? [stdin, stdout, stderr] : [stdin, stdout, stderr, 'pipe'];
  const command = windows ? { file, args } : guarded(file, args);
  try {
    return spawn(command.file, command.args, { cwd, env, stdio, detached: !windows, windowsHide: true });
  } finally {
    closePipes(pipes ?? []);
  }
}

function endOf(child: ChildProcess): Child['ended'] {
  return new Promise((done) => {
    child.once('exit', (code, signal) => {
      const exitCode = code ?? 128 + (signal === null ? 0 : osConstants.signals[signal]);
      done({ exitCode, signal });
    });
  });
}

/** A child that doesn't read its stdin to the end is its own affair. */
function feed(child: ChildProcess, stdin: string | null): void {
  child.stdin?.on('error', () => {});
  if (stdin !== null) child.stdin?.end(stdin);
}

function asChild(child: ChildProcess, pipes: OutputPipe[] | null, ended: Child['ended']): Child {
  const [stdout, stderr] = pipes?.map((pipe) => pipe.source) ?? [child.stdout, child.stderr];
  const guardPipe = child.stdio[GUARD_FD];
  guardPipe?.on('error', () => {});
  if (!stdout || !stderr || child.pid === undefined) throw new Error('the child has no pipes');
  const leader = child.pid;
  return {
    stdout,
    stderr,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => killTree(leader, signal),
    letGo: () => {
      for (const pipe of [stdout, stderr, child.stdin, guardPipe]) pipe?.destroy();
    },
  };
}

async function checkFolder(cwd: string): Promise<void> {
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new CannotStart(`the working directory ${cwd} is no folder`);
}

/** The shell that starts the guard would tell of a missing file in its own words and with an exit code. */
async function findExecutable(file: string, path: string, cwd: string): Promise<string> {
  const folders = file.includes('/') ? [''] : path.split(delimiter).filter(isAbsolute);
  let problem = 'not found';
  for (const folder of folders) {
    const candidate = resolve(cwd, join(folder, file));
    const found = await stat(candidate).catch(() => null);
    if (found === null) continue;
    if (found.isFile() && (await isExecutable(candidate))) return candidate;
    problem = 'not an executable file';
  }
  throw new CannotStart(`${file}: ${problem}`);
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
