/** Commands as a person or a supervisor starts them: in the clone, with nothing set but a home of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const CLONE = fileURLToPath(new URL('../..', import.meta.url));

export interface Session {
  pid: number;
  /** What came out of stdout, and of stderr, until now. */
  readonly out: string;
  readonly err: string;
  /** Resolves with the first match in stdout; rejects when the process ends without one. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  /** To its stdin; in a pty, as typed. */
  type(text: string): void;
  kill(signal: NodeJS.Signals): void;
  /** The exit code once it has ended and its output is complete; null when a signal ended it. */
  readonly exit: Promise<number | null>;
}

/** The environment of a fresh login: no setting of this test run, not even the `node` that npm put on PATH. */
export function freshEnvironment(home: string, more: Record<string, string> = {}): Record<string, string> {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  return { PATH: folders.join(delimiter), HOME: home, TERM: 'xterm', ...more };
}

/** Ends with the test, and everything in its process group too. */
export function run(
  [file = '', ...args]: readonly string[],
  options: { env: Record<string, string>; cwd?: string },
): Session {
  const child = spawn(file, args, { cwd: CLONE, ...options, stdio: 'pipe', detached: true });
  const { pid = 0 } = child;
  const said = { out: '', err: '' };
  const lookers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
    for (const look of lookers) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  child.stdin.on('error', () => {});
  const exit = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(async () => {
    killGroup(pid);
    await exit;
  });
  return {
    pid,
    get out() {
      return said.out;
    },
    get err() {
      return said.err;
    },
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(said.out);
          if (match === null) return;
          lookers.delete(look);
          resolve(match);
        };
        lookers.add(look);
        look();
        void exit.then(() =>
          reject(new Error(`it ended without showing ${pattern}: ${said.out}${said.err}`)),
        );
      }),
    type: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    exit,
  };
}

/**
 * In a pseudo-terminal: `\x03` typed there is Ctrl-C. Everything it prints comes out of stdout. `exec`, since a shell
 * in between would hear the Ctrl-C as well, and end with 130 whatever the command ends with.
 */
export function runInTerminal(line: string, options: { env: Record<string, string> }): Session {
  return run(['script', '-qfec', `exec ${line}`, '/dev/null'], options);
}

/** Of a command that ends by itself. */
export async function outcomeOf(
  command: readonly string[],
  options: { env: Record<string, string>; cwd?: string },
): Promise<{ code: number | null; out: string; err: string }> {
  const session = run(command, options);
  const code = await session.exit;
  return { code, out: session.out, err: session.err };
}

/** Without npm in between. */
export function ours(...args: string[]): string[] {
  return [process.execPath, join(CLONE, 'bin', 'openclaw-runner.mjs'), ...args];
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
