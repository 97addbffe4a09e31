import { userInfo } from 'node:os';
import type { CommandPayload } from '../../http/contract/payload.ts';
import { type ExecutionResult, type Executor, failure } from '../executor.ts';
import { type Platform, platform } from '../platform/index.ts';
import type { ProcessOutcome } from '../process.ts';
import { stopText } from '../stop.ts';
import { atWorkplace } from './workplace.ts';

/** Runs the text of a command, untouched, in one shell; in the home folder if it names no other, with an empty stdin. */
export function createShellExecutor(shell: string): Executor {
  return async (task, context) => {
    const { command, timeout } = task as CommandPayload;
    const { policy } = context;
    policy.checkCommand(command);
    const timeoutMs = policy.timeoutMs('command', timeout);
    return atWorkplace(task, policy, async ({ folder, env }) => {
      const outcome = await context.run({
        file: shell,
        args: shellArguments(shell, command),
        ...(folder && { folder }),
        env: { ...context.environment(), ...env },
        timeoutMs,
        onText: context.print,
      });
      if (outcome.spawnError !== null) return failure(`could not start: ${outcome.spawnError}`, -1);
      return shellResult(outcome, { timeoutMs, stopped: stopText(context.signal) });
    });
  };
}

function shellResult(outcome: ProcessOutcome, told: { timeoutMs: number; stopped: string }): ExecutionResult {
  const { stdout, stderr, timedOut, aborted, signal, exitCode } = outcome;
  const metadata = screenshotMetadata(stdout);
  if (timedOut)
    return { stdout, stderr, exitCode: -1, error: `timed out after ${told.timeoutMs} ms`, ...metadata };
  if (aborted) return { stdout, stderr, exitCode: -1, error: told.stopped, ...metadata };
  return { stdout, stderr, exitCode, error: signal && `killed by ${signal}`, ...metadata };
}

const SCREENSHOT = /^[ \t]*PLEASE_UPLOAD_TO_DISCORD:[ \t]*(\S.*\.png)[ \t]*\r?$/m;

/** The picture that the output asks to be shown. */
function screenshotMetadata(stdout: string): Pick<ExecutionResult, 'metadata'> {
  const path = SCREENSHOT.exec(stdout)?.[1];
  return path === undefined ? {} : { metadata: { screenshotPath: path } };
}

/**
 * PowerShell and cmd take a command's text their own way; every other shell takes `-c`. It would take a text that
 * begins like an option for one, were it not for the blank.
 */
export function shellArguments(shell: string, command: string): string[] {
  if (/(^|[\\/])(powershell|pwsh)(\.exe)?$/i.test(shell)) return ['-NoProfile', '-Command', command];
  if (/(^|[\\/])cmd(\.exe)?$/i.test(shell)) return ['/d', '/s', '/c', command];
  return ['-c', /^[-+]/.test(command) ? ` ${command}` : command];
}

/** What tells which shell the user logs in with. */
export interface ShellSources {
  platform: Platform;
  /** `RUNNER_SHELL`: it wins. */
  override: string | null;
  env: NodeJS.ProcessEnv;
  /** From the user database; throws for a user without an entry, is null on Windows. */
  login: () => string | null;
}

/** An account that nobody logs in to has one of these: it would refuse every command. */
const NO_SHELL = /\/(nologin|false)$/;

/** The user's login shell: from the user database, else `SHELL`, else the system's own. */
export function findShell(sources: ShellSources): string {
  if (sources.override !== null) return sources.override;
  const common = sources.platform.commonShell(sources.env);
  if (common !== null) return common;
  const found = [loginShell(sources), sources.env.SHELL].find((shell) => shell && !NO_SHELL.test(shell));
  return found ?? '/bin/sh';
}

function loginShell(sources: ShellSources): string | null {
  try {
    return sources.login();
  } catch {
    return null;
  }
}

/** The shell of this machine. */
export function systemShell(override: string | null): string {
  return findShell({
    platform,
    override,
    env: process.env,
    login: () => userInfo().shell,
  });
}
