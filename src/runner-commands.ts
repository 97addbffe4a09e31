/** The subcommands about the runner of this machine: `policy check`, `doctor`. They change nothing. */
import { homedir } from 'node:os';
import { systemClock as clock } from './clock.ts';
import { inLine, print, printJson, styled, wrapped } from './commands/output.ts';
import { readClientToken, readDataFolder, readUrl } from './config.ts';
import { type DataFolder, dataFolderProblem } from './data-folder.ts';
import { StartError } from './errors.ts';
import { isFolder } from './paths.ts';
import { type RunnerSettings, readRunnerSettings } from './runner-config.ts';
import { type Environment, Settings } from './settings.ts';
import { readOwnToken, tokenProblem } from './token.ts';
import * as CLIS from './workers/agents/clis.ts';
import { pathSetting } from './workers/agents/settings.ts';
import { examine, type Finding } from './workers/doctor.ts';
import { FILE_CHILD } from './workers/executors/isolated-file.ts';
import { systemShell } from './workers/executors/shell.ts';
import { Isolation } from './workers/isolation/isolation.ts';
import { findTaskUser } from './workers/isolation/task-user.ts';
import { explain } from './workers/policy/explain.ts';
import { loadPolicy, PolicyFileError } from './workers/policy/policy-file.ts';

interface Printing {
  json?: boolean;
}

/** Whether a policy can be used, and what it allows. False when it can't. */
export async function checkPolicy(
  env: Environment,
  given: string | undefined,
  { json = false }: Printing,
): Promise<boolean> {
  const settings = new Settings(given === undefined ? env : { ...env, RUNNER_POLICY_FILE: given });
  const folder = readDataFolder(settings);
  settings.check();
  const file =
    settings.get('RUNNER_POLICY_FILE') === undefined ? null : settings.path('RUNNER_POLICY_FILE', '');
  try {
    const home = findTaskUser(settings.get('RUNNER_TASK_USER') ?? '')?.home ?? homedir();
    const sentences = explain(loadPolicy(file, { home, dataDir: folder.path }));
    const headline =
      file === null ? 'No policy file is set (RUNNER_POLICY_FILE): the defaults hold.' : `${file} is valid.`;
    if (json) await printJson({ file, valid: true, allows: sentences });
    else await print(listed(headline, sentences));
    return true;
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { problems } = error;
    if (json) await printJson({ file, valid: false, problems });
    else await print(listed(`${file} can't be used:`, error.message.split('\n')));
    return false;
  }
}

function listed(headline: string, sentences: readonly string[]): string {
  return [headline, ...sentences.map((sentence) => `- ${wrapped(inLine(sentence), 2)}`)].join('\n');
}

/** Whether all that a runner needs is there. False when something is broken. */
export async function doctor(env: Environment, { json = false }: Printing): Promise<boolean> {
  const findings: Finding[] = [];
  for await (const finding of examineAll(env)) {
    findings.push(finding);
    if (!json) await print(lineOf(finding));
  }
  const broken = findings.filter(({ state }) => state === 'broken');
  const isWell = broken.length === 0;
  if (json) await printJson({ ok: isWell, checks: findings });
  else await print(`\n${isWell ? 'Nothing is broken.' : brokenTold(broken)}`);
  return isWell;
}

function brokenTold(broken: readonly Finding[]): string {
  const checks = new Set(broken.map(({ check }) => check));
  return `Broken: ${[...checks].join(', ')}.`;
}

/** Of the longest name of a check, `data folder`. */
const CHECK_CHARS = 11;
const MARKS = { ok: ['green', '✓'], broken: ['red', '✗'], absent: ['yellow', '–'] } as const;

function lineOf({ check, state, told }: Finding): string {
  const [colour, mark] = MARKS[state];
  const begin = `${mark} ${check.padEnd(CHECK_CHARS)}  `;
  return begin.replace(mark, styled(colour, mark)) + wrapped(inLine(told), begin.length);
}

async function* examineAll(env: Environment): AsyncGenerator<Finding> {
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  const runner = readRunnerSettings(settings, folder.path);
  const url = readUrl(settings);
  const given = readClientToken(settings);
  const problems = problemsOf(() => settings.check());
  const ofPolicy = (line: string) => line.startsWith('RUNNER_POLICY_FILE');
  yield* heading(
    'settings',
    problems.filter((line) => !ofPolicy(line)),
    'are usable',
  );
  yield* heading('policy', problems.filter(ofPolicy), policyTold(settings));
  yield dataFolderFinding(folder);
  const [token, ...noToken] = tokenOf(given, folder);
  yield* noToken.map((told): Finding => ({ check: 'token', state: 'broken', told }));
  yield* examine(partsOf(runner, { url, token: token ?? null, dataDir: folder.path, env }));
}

function partsOf(
  runner: RunnerSettings,
  given: { url: string; token: string | null; dataDir: string; env: Environment },
) {
  const { agents, policy, isolation, envPass, shell } = runner;
  const clis = Object.values(CLIS).map((cli) => ({
    label: cli.label,
    path: agents.clis[cli.label]?.path ?? cli.label,
    setting: pathSetting(cli),
  }));
  const parts = { clis, envPass, clock, shell: systemShell(shell), needed: [FILE_CHILD] };
  return { ...given, ...parts, tokenProblem, isolation: new Isolation(isolation, policy) };
}

function* heading(check: string, problems: readonly string[], fine: string): Generator<Finding> {
  if (problems.length === 0) yield { check, state: 'ok', told: fine };
  for (const told of problems) yield { check, state: 'broken', told };
}

function policyTold(settings: Settings): string {
  const file = settings.get('RUNNER_POLICY_FILE');
  return file === undefined ? 'none is set: the defaults hold' : `${file} is valid`;
}

function dataFolderFinding(folder: DataFolder): Finding {
  const problem = dataFolderProblem(folder);
  if (problem !== null) return { check: 'data folder', state: 'broken', told: problem };
  const told = isFolder(folder.path)
    ? 'is writable, and closed to others'
    : 'will be made at the first start';
  return { check: 'data folder', state: 'ok', told: `${folder.path} ${told}` };
}

/** The token, or nothing and why. */
function tokenOf(given: string | undefined, folder: DataFolder): [string] | [undefined, string] {
  try {
    return [given ?? readOwnToken(folder.tokenFile)];
  } catch (error) {
    if (error instanceof StartError) return [undefined, error.message];
    throw error;
  }
}

function problemsOf(check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof StartError) return error.message.split('\n');
    throw error;
  }
}
