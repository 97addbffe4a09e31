/** Real processes under strace: what they asked of the kernel, in its order. Linux only. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A system call, as strace prints it. */
export interface Syscall {
  /** The id of the thread that made it. */
  thread: string;
  name: string;
  /** Its arguments; at the beginning of a call that was interrupted, those that were known then. */
  text: string;
  /** What it returned, with what strace says of it; null until then. */
  result: string | null;
}

/** One moment of a trace: most calls begin and end in one, some see others between. */
export interface Moment {
  phase: 'begin' | 'end';
  call: Syscall;
}

/** Whatever writes, syncs or names a file, and what a socket is sent; those with a ? are not on every architecture. */
const CALLS = [
  ...['write', 'writev', 'pwrite64', 'pwritev', '?pwritev2', 'sendto', 'sendmsg', 'ftruncate', 'fallocate'],
  ...['fsync', 'fdatasync', 'openat', 'linkat', 'unlinkat', 'mkdirat', 'renameat2', '?renameat'],
  ...['?open', '?creat', '?link', '?unlink', '?mkdir', '?rename', 'accept4', '?accept'],
];

/** Bytes that are kept of what is written: a page of SQLite, and a little. */
const MAX_BYTES = 4_200;

/** `-D`: the process is our own child, and strace ends with it. Descriptors are shown with their paths and peers. */
const OPTIONS = ['-D', '-f', '--seccomp-bpf', '-yy', '-a', '1', '-s', String(MAX_BYTES), '-e', 'signal=none'];

/** Why nothing can be traced here, in a sentence; null when it can. */
export function straceProblem(): string | null {
  const { error, status, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']);
  if (error !== undefined) return `strace can't be started (${error.message}); install it`;
  return status === 0 ? null : `strace can't trace here: ${String(stderr).trim()}`;
}

/**
 * Starts `node …args` under strace, which writes to `trace`. Its stdout is a pipe; the event `close` comes when the
 * trace is complete, too.
 */
export function spawnTraced(args: readonly string[], env: Record<string, string>, trace: string) {
  const command = [...OPTIONS, '-e', `trace=${CALLS.join()}`, '-o', trace, process.execPath, ...args];
  // File operations of Node must be system calls: io_uring is not seen by strace.
  return spawn('strace', command, {
    env: { ...env, UV_USE_IO_URING: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Ends a traced process; its trace is complete when this resolves. */
export async function endTraced(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  if (hasEnded && child.stdout?.closed) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

const BEGIN = /^(\d+) +(\w+)\((.*)$/s;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/s;
const UNFINISHED = ' <unfinished ...>';
const RESULT = ') = ';

/** The moments of a trace, in their order. */
export async function* readTrace(path: string): AsyncGenerator<Moment> {
  const open = new Map<string, Syscall>();
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    const [, pid = '', name, text = ''] = BEGIN.exec(line) ?? [];
    if (name !== undefined) {
      const call: Syscall = { thread: pid, name, text, result: null };
      open.set(pid, call);
      if (text.endsWith(UNFINISHED)) call.text = text.slice(0, -UNFINISHED.length);
      const isWhole = call.text === text && finish(call, text);
      yield { phase: 'begin', call };
      if (isWhole) yield { phase: 'end', call };
      continue;
    }
    const [, tracee = '', rest] = RESUMED.exec(line) ?? [];
    const call = open.get(tracee);
    if (rest === undefined || call === undefined) continue;
    if (finish(call, call.text + rest)) yield { phase: 'end', call };
  }
}

/** Takes the result off the text. False where there is none. */
function finish(call: Syscall, text: string): boolean {
  const end = text.lastIndexOf(RESULT);
  if (end < 0) return false;
  call.text = text.slice(0, end);
  call.result = text.slice(end + RESULT.length);
  return true;
}

/** What the first argument, a descriptor, stands for: the path of a file, `TCP:[here->there]` of a connection. */
export function fileOf({ text }: Syscall): string | undefined {
  return /^\d+<(.*?)>(?:\(deleted\))?(?:,|$)/s.exec(text)?.[1];
}

/** The paths among the arguments of a call that names files. */
export function pathsOf({ text }: Syscall): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, path = '']) => path);
}
