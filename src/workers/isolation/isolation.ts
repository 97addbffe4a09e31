import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute } from 'node:path';
import { systemClock } from '../../clock.ts';
import { StartError } from '../../errors.ts';
import { childEnvironment } from '../environment.ts';
import { isBelow } from '../policy/places.ts';
import type { Policy } from '../policy/policy.ts';
import { runProcess } from '../process.ts';
import { carried, opening } from './carried.ts';
import { inSandbox, type Needs } from './sandbox.ts';
import { asUser, type CommandLine, environmentOf, type TaskUser } from './task-user.ts';

/** How the children of a runner are kept apart from it, as its owner wants it. */
export interface IsolationSettings {
  /** `RUNNER_TASK_USER`: they run as this user. */
  user: TaskUser | null;
  /** `RUNNER_SANDBOX`: they run in a sandbox. */
  sandbox: 'bwrap' | null;
}

/** Every child is started through this; the guard stays outside, where nothing inside can reach it. */
export class Isolation {
  readonly #settings: IsolationSettings;
  readonly #policy: Policy;

  constructor(settings: IsolationSettings, policy: Policy) {
    this.#settings = settings;
    this.#policy = policy;
  }

  /** Whether children have fewer rights than the runner, and file tasks have to run in one. */
  get isOn(): boolean {
    return this.#settings.user !== null || this.#settings.sandbox !== null;
  }

  /** Where children start that name no folder. */
  get home(): string {
    return this.#settings.user?.home ?? homedir();
  }

  /** What children's environments are taken from. */
  environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return this.#settings.user === null ? env : environmentOf(this.#settings.user, env);
  }

  /** The command line that runs another one isolated, in the environment that comes with it. */
  wrap(command: CommandLine, needs: Needs): CommandLine {
    if (!this.isOn) return command;
    const { user, sandbox } = this.#settings;
    const { grounds } = this.#policy;
    const open = opening(command);
    // Another user can't look into it anyway, nor lay anything over it.
    const hidden = user === null ? [grounds.dataDir] : [];
    const inside = sandbox === null ? open : inSandbox(open, { ...grounds, hidden }, needs);
    return user === null ? inside : asUser(user, inside, needs.cwd);
  }

  /** The environment of that command line, with the child's own in it. Where there is no isolation, they are one. */
  around(env: Record<string, string>): Record<string, string> {
    return this.isOn ? { PATH: this.path, ...carried(env) } : env;
  }

  /** Where the runner finds its own programs: in folders that tasks can't write, or, where they can write all, in all. */
  get path(): string {
    const { PATH = '' } = process.env;
    if (!this.isOn) return PATH;
    const { write } = this.#policy.grounds;
    const folders = PATH.split(delimiter).filter((path) => isAbsolute(path) && !isBelow(real(path), write));
    return folders.join(delimiter) || PATH;
  }

  /** Tries it, with each of these programs that tasks will need. `StartError` where it does not work. */
  async check(programs: readonly CommandLine[], env: NodeJS.ProcessEnv): Promise<void> {
    if (!this.isOn) return;
    for (const program of [{ file: '/bin/sh', args: ['-c', ':'] }, ...programs]) {
      const problem = await this.#problem(program, env);
      if (problem !== null)
        throw new StartError(`${this.name} can't run ${program.file}: ${problem}. ${this.advice}`);
    }
  }

  async #problem(program: CommandLine, env: NodeJS.ProcessEnv): Promise<string | null> {
    const outcome = await runProcess({
      ...program,
      isolation: this,
      env: childEnvironment(this.environment(env)),
      timeoutMs: CHECK_MS,
      signal: new AbortController().signal,
      outputLimitBytes: 2_000,
      graceMs: 0,
      clock: systemClock,
    });
    const { exitCode, stderr, spawnError, timedOut } = outcome;
    if (exitCode === 0) return null;
    if (timedOut) return `no end after ${CHECK_MS} ms`;
    return spawnError ?? (stderr.trim().split('\n').at(-1) || `exit code ${exitCode}`);
  }

  /** The settings that ask for it. */
  get name(): string {
    const { user, sandbox } = this.#settings;
    const names = [user && `RUNNER_TASK_USER=${user.name}`, sandbox && `RUNNER_SANDBOX=${sandbox}`];
    return names.filter(Boolean).join(' with ');
  }

  /** What to do where it does not work. */
  get advice(): string {
    const { user, sandbox } = this.#settings;
    const programs = [user && 'setpriv (util-linux)', sandbox && 'bwrap (bubblewrap)'].filter(Boolean);
    return `Install ${programs.join(' and ')}, let tasks read this program and Node, or unset ${this.name}.`;
  }
}

const CHECK_MS = 20_000;

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
