import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, stat } from 'node:fs/promises';
import { homedir, constants as osConstants } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertRoom } from './descriptors.ts';
import { GUARD_FD, guarded } from './guard.ts';
import type { CommandLine } from './isolation/task-user.ts';
import { closePipes, type OutputPipe, openPipes } from './output-pipe.ts';
import { platform } from './platform/index.ts';
import type { ProcessOptions } from './process.ts';
import { MARK } from './process-tree.ts';

/** A started child, leader of a process group with a guard in it. */
export interface Child {
  stdout: Readable;
  stderr: Readable;
  hasEnded(): boolean;
  /** By a signal, wherever it came from. */
  wasKilled(): boolean;
  /** Resolves when the child itself has ended; what it started may live on. */
  ended: Promise<{ exitCode: number; signal: NodeJS.Signals | null }>;
  /** Whether it got its guard, and so was started at all; resolves when the child has ended at the latest. */
  guarded: Promise<boolean>;
  /** Signals all that descends from it; `strays`: also what left its session. */
  kill(signal: NodeJS.Signals, strays: boolean): void;
  /** Closes our ends of its pipes. */
  letGo(): void;
}

const { hasGroups, killTree } = platform;

/** A child that could not be started for a reason that lies with this machine, and not with what was asked. */
export class CannotStart extends Error {
  /** The program or the folder that is not there; null: the system refuses, there is no room for a process. */
  readonly missing: string | null;

  constructor(message: string, missing: string | null, options?: { cause: unknown }) {
    super(message, options);
    this.missing = missing;
  }
}

/** Throws an error with a sentence for the result when the child can't be started. */
export async function startChild(options: ProcessOptions): Promise<Child> {
  const cwd = await workingDirectory(options);
  const file = hasGroups ? await findExecutable(options.file, options.env.PATH ?? '', cwd) : options.file;
  let pipes: OutputPipe[] | null = null;
  try {
    const around = options.isolation?.around(options.env) ?? options.env;
    pipes = await openPipes(2, options.isolation?.path);
    const mark = randomUUID();
    const env = { ...around, [MARK]: mark };
    const child = spawnLeader(isolated(file, cwd, options), { ...options, env, cwd }, pipes);
    const ended = endOf(child);
    await once(child, 'spawn');
    feed(child, options.stdin ?? null);
    return asChild(child, { pipes, ended, mark });
  } catch (error) {
    for (const { source } of pipes ?? []) source.destroy();
    throw startError(error, options.file);
  }
}

/** What no system call has refused was not fit to be started. */
function startError(error: unknown, file: string): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'E2BIG') return new Error(TOO_LONG);
  const missing = !hasGroups && code === 'ENOENT' ? file : null;
  return syscall === undefined ? error : new CannotStart(message, missing, { cause: error });
}

const TOO_LONG = 'the command line is longer than this system takes (E2BIG)';

/** The guard stays outside of it, out of the command's reach. */
function isolated(file: string, cwd: string, { args, folder, own, isolation }: ProcessOptions): CommandLine {
  const needs = { cwd: folder?.path ?? cwd, ...(own && { own }) };
  return isolation?.wrap({ file, args }, needs) ?? { file, args };
}

function spawnLeader(
  inner: CommandLine,
  { env, cwd, ...options }: ProcessOptions,
  pipes: OutputPipe[] | null,
): ChildProcess {
  const [stdout = 'pipe', stderr = 'pipe'] = pipes?.map((pipe) => pipe.fd) ?? [];
  const stdin = options.stdin == null ? 'ignore' : 'pipe';
  const stdio: StdioOptions = hasGroups ? [stdin, stdout, stderr, 'pipe'] : [stdin, stdout, stderr];
  const command = hasGroups ? guarded(inner.file, inner.args) : inner;
  try {
    assertRoom();
    return spawn(command.file, command.args, { cwd, env, stdio, detached: hasGroups, windowsHide: true });
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

/**
 * The leader says so on the guard's pipe before it becomes the command. When it has ended, what it said is in the pipe,
 * and is read within the next turn of the event loop.
 */
function hasGuard(pipe: ChildProcess['stdio'][number], ended: Child['ended']): Promise<boolean> {
  if (!pipe) return Promise.resolve(true);
  pipe.on('error', () => {});
  return new Promise((resolve) => {
    pipe.once('data', () => resolve(true));
    void ended
      .then(() => nextTurn())
      .then(() => nextTurn())
      .then(() => resolve(false));
  });
}

interface ChildParts {
  pipes: OutputPipe[] | null;
  ended: Child['ended'];
  mark: string;
}

function asChild(child: ChildProcess, { pipes, ended, mark }: ChildParts): Child {
  const [stdout, stderr] = pipes?.map((pipe) => pipe.source) ?? [child.stdout, child.stderr];
  const guardPipe = child.stdio[GUARD_FD];
  if (!stdout || !stderr || child.pid === undefined) throw new Error('the child has no pipes');
  const leader = child.pid;
  return {
    stdout,
    stderr,
    ended,
    guarded: hasGuard(guardPipe, ended),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    wasKilled: () => child.signalCode !== null,
    kill: (signal, strays) => killTree(leader, signal, strays ? mark : undefined),
    letGo: () => {
      for (const pipe of [stdout, stderr, child.stdin, guardPipe]) pipe?.destroy();
    },
  };
}

/** As the child is to enter it. */
async function workingDirectory({ folder, cwd, isolation }: ProcessOptions): Promise<string> {
  const entry = folder?.at('') ?? cwd ?? isolation?.home ?? homedir();
  const problem = await folderProblem(entry);
  if (problem === null) return entry;
  const sentence = `the working directory ${folder?.path ?? entry} ${problem}`;
  // A folder that a task has named says nothing about this machine.
  throw folder === undefined ? new CannotStart(sentence, cwd ?? null) : new Error(sentence);
}

async function folderProblem(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) return 'is no folder';
  return (await isExecutable(path)) ? null : 'can not be entered';
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
  throw new CannotStart(`${file}: ${problem}`, file);
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
