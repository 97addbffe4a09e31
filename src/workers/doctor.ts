/** Looks at all that a runner needs on this machine, without running a task or changing anything. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { childEnvironment } from './environment.ts';
import { shellArguments } from './executors/shell.ts';
import type { Isolation } from './isolation/isolation.ts';
import { type ProcessOutcome, runProcess } from './process.ts';

/** What came of one check. */
export interface Finding {
  check: string;
  /** `absent`: not there, and that is no fault. */
  state: 'ok' | 'broken' | 'absent';
  /** What was seen, and where it is broken what to do next. */
  told: string;
}

export interface DoctorParts {
  url: string;
  /** Null: there is none, and why is known already. */
  token: string | null;
  /** Why this is no token for anything but a try. */
  tokenProblem: (token: string) => string | null;
  dataDir: string;
  shell: string;
  clis: readonly { label: string; path: string; setting: string }[];
  isolation: Isolation;
  /** Programs that isolated tasks need. */
  needed: Parameters<Isolation['check']>[0];
  env: NodeJS.ProcessEnv;
  envPass: readonly string[];
  clock: Clock;
}

const ANSWER_MS = 5_000;
/** Gemini needs 14 s on a busy machine. */
const START_MS = 30_000;
/** `Date` counts whole seconds; a lease is a minute. */
const SKEW_MS = 10_000;

/** One check after the other, as they come; the CLIs start together, so that those that hang do so together. */
export async function* examine(parts: DoctorParts): AsyncGenerator<Finding> {
  yield* examineApi(parts);
  yield spoolIn(parts.dataDir);
  yield* examineIsolation(parts);
  yield await shellStarts(parts);
  yield* await Promise.all(parts.clis.map((cli) => cliStarts(parts, cli)));
}

async function* examineApi(parts: DoctorParts): AsyncGenerator<Finding> {
  const { url, clock } = parts;
  const sentAt = clock.wall();
  const answer = await ask(`${url}/health`);
  if (typeof answer === 'string') {
    yield broken('Task API', `${url}: ${answer}. Start it, or set WORKER_URL to where it is.`);
    return;
  }
  const reached = answer.ok ? ok : broken;
  yield reached('Task API', answer.ok ? `${url} answers` : `${url} answers ${answer.status}. Is it one?`);
  yield clockFinding(answer.headers.get('date'), (sentAt + clock.wall()) / 2);
  yield await tokenFinding(parts);
}

function clockFinding(date: string | null, now: number): Finding {
  const told = Date.parse(date ?? '');
  if (Number.isNaN(told)) return { check: 'clock', state: 'absent', told: 'the answer tells no time' };
  const skewMs = Math.abs(told - now);
  const seconds = Math.round(skewMs / 1_000);
  if (skewMs <= SKEW_MS) return ok('clock', `agrees with that of the Task API (${seconds} s apart)`);
  return broken('clock', `${seconds} s apart from that of the Task API. Let both machines set it by NTP.`);
}

async function tokenFinding({ url, token, tokenProblem }: DoctorParts): Promise<Finding> {
  if (token === null)
    return broken('token', 'there is none to try. Set WORKER_TOKEN to that of the Task API.');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await ask(`${url}/tasks/stats`, { headers });
  if (typeof answer === 'string') return broken('token', `could not be tried: ${answer}.`);
  if (answer.status === 401) return broken('token', 'is refused. Set WORKER_TOKEN to that of the Task API.');
  if (!answer.ok) return broken('token', `could not be tried: ${url}/tasks/stats answers ${answer.status}.`);
  const problem = tokenProblem(token);
  return problem === null
    ? ok('token', 'is accepted, to submit, read and run tasks')
    : broken('token', `is accepted, but ${problem}.`);
}

/** An answer, or why there is none. */
async function ask(url: string, init: RequestInit = {}): Promise<Response | string> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    return (cause as Error | undefined)?.message || message;
  }
}

function spoolIn(dataDir: string): Finding {
  const [waiting, rejected] = ['spool', join('spool', 'rejected')].map((name) =>
    filesIn(join(dataDir, name)),
  );
  const told = `${counted(waiting)} to be sent, ${counted(rejected)} refused by the Task API and kept`;
  return ok('spool', told);
}

function counted(sizes: readonly number[] = []): string {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return `${sizes.length} ${sizes.length === 1 ? 'result' : 'results'}${bytes === 0 ? '' : ` (${bytes} bytes)`}`;
}

/** The sizes of its files; a folder that is not there has none. */
function filesIn(folder: string): number[] {
  try {
    const files = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false }));
    return files.flatMap((found) => (found?.isFile() ? found.size : []));
  } catch {
    return [];
  }
}

async function* examineIsolation({ isolation, needed, env }: DoctorParts): AsyncGenerator<Finding> {
  if (!isolation.isOn) {
    const told = 'none: tasks have all rights of this user (RUNNER_TASK_USER, RUNNER_SANDBOX)';
    yield { check: 'isolation', state: 'absent', told };
    return;
  }
  const problem = await isolation.check(needed, env).then(
    () => null,
    (error: Error) => error.message,
  );
  if (problem === null) yield ok('isolation', `works: ${isolation.name}`);
  else yield broken('isolation', problem);
}

async function shellStarts(parts: DoctorParts): Promise<Finding> {
  const { shell } = parts;
  const problem = problemOf(await start(parts, shell, shellArguments(shell, 'true')));
  if (problem === null) return ok('shell', `${shell} starts`);
  return broken('shell', `${shell}: ${problem}. Set RUNNER_SHELL to a shell that starts.`);
}

async function cliStarts(
  parts: DoctorParts,
  { label, path, setting }: DoctorParts['clis'][number],
): Promise<Finding> {
  const outcome = await start(parts, path, ['--version']);
  const isMissing = /: not found$/.test(outcome.spawnError ?? '');
  const missing = `is not installed; its tasks fail here. Install it, or set ${setting}`;
  if (isMissing) return { check: label, state: 'absent', told: missing };
  const problem = problemOf(outcome);
  if (problem !== null) return broken(label, `${path}: ${problem}. Reinstall it, or set ${setting}.`);
  const [version = ''] = outcome.stdout.trim().split('\n');
  return ok(label, `starts: ${version || 'it tells no version'}`);
}

function start(parts: DoctorParts, file: string, args: string[]): Promise<ProcessOutcome> {
  const { isolation, env, envPass, clock } = parts;
  return runProcess({
    ...{ file, args, isolation, clock },
    env: childEnvironment(isolation.environment(env), envPass),
    timeoutMs: START_MS,
    signal: new AbortController().signal,
    outputLimitBytes: 2_000,
    graceMs: 0,
  });
}

function problemOf({ spawnError, timedOut, exitCode, stderr }: ProcessOutcome): string | null {
  if (spawnError !== null) return spawnError;
  if (timedOut) return `no answer after ${START_MS / 1_000} s`;
  if (exitCode === 0) return null;
  const [said = ''] = stderr.trim().split('\n');
  return `exits with ${exitCode}${said && `: ${said}`}`;
}

function ok(check: string, told: string): Finding {
  return { check, state: 'ok', told };
}

function broken(check: string, told: string): Finding {
  return { check, state: 'broken', told };
}
