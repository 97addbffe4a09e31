import { dirname, join } from 'node:path';
import { type Clock, within } from '../../clock.ts';
import type { AgentPayload, PolledEnvelope, PolledTask, Surroundings } from '../../http/contract/payload.ts';
import type { RecentSessions } from '../../http/contract/recent.ts';
import type { Log } from '../../log.ts';
import { AGENT_LIMITS, AGENTS, type AgentType, isAgentType } from '../../queue/task.ts';
import { excerptOf } from '../excerpt.ts';
import { type ExecutionResult, type Executor, type Executors, failure } from '../executor.ts';
import { atWorkplace } from '../executors/workplace.ts';
import { type AgentAttempt, type AgentRun, type Cli, runAgent } from './agent-run.ts';
import { CliVersions } from './cli-version.ts';
import * as CLIS from './clis.ts';
import { type Failure, failureOf, isOfModel } from './failure.ts';
import { recentSessions } from './recent.ts';
import { agentResult } from './result.ts';
import { SessionCache } from './session-cache.ts';
import { SessionLocks } from './session-locks.ts';
import { planSession, replan } from './session-plan.ts';
import type { AgentSettings } from './settings.ts';

export interface AgentDeps {
  clock: Clock;
  log: Log;
  /** The runner's own environment: it may say where the CLIs keep their files. */
  env: NodeJS.ProcessEnv;
  /** The home folder, absolute. */
  home: string;
}

/** The AI CLIs of a runner. */
export interface Agents {
  /** By task type. */
  executors: Executors;
  /** By the CLI's label. */
  recent: Readonly<Record<string, RecentSessions>>;
  /** By the CLI's label: as the last result of each told it. */
  versions: () => Record<string, string>;
}

/** Reads the session cache; a CLI that is missing fails its tasks, not the start. */
export function createAgents(settings: AgentSettings, deps: AgentDeps): Agents {
  const cache = new SessionCache(settings.sessionCacheFile, settings.sessionRetentionMs, deps);
  const versions = new CliVersions();
  const told = new Map<string, string>();
  const clis = Object.values(CLIS).flatMap((provider): Cli[] => {
    const own = settings.clis[provider.label];
    const sessionFolder = provider.sessions.folder(deps.env, deps.home);
    if (own === undefined) return [];
    const files = (provider.stateFiles ?? []).map((name) => join(deps.home, name));
    return [{ provider, settings: own, sessionFolder, own: [dirname(sessionFolder), ...files] }];
  });
  const executors = clis.map((cli) => [
    cli.provider.type,
    agentExecutor(cli, { settings, cache, versions, told }),
  ]);
  const recent = clis.map(({ provider, sessionFolder }) => [
    provider.label,
    recentSessions(provider.sessions, sessionFolder, deps.clock),
  ]);
  return {
    executors: Object.fromEntries(executors),
    recent: Object.fromEntries(recent),
    versions: () => Object.fromEntries(told),
  };
}

interface Shared {
  settings: AgentSettings;
  cache: SessionCache;
  versions: CliVersions;
  /** What each CLI has told, by its label. */
  told: Map<string, string>;
}

function agentExecutor(cli: Cli, { settings, cache, versions, told }: Shared): Executor {
  const { provider } = cli;
  const locks = new SessionLocks();
  return async (task, context) => {
    if (!isAgentTask(task)) return failure(`not a task of an AI CLI: ${task.type}`);
    const unkept = unkeptLimit(provider.type, task);
    if (unkept !== undefined) return failure(`${provider.label} can't be held to ${unkept}`);
    const { policy } = context;
    return atWorkplace(task, policy, async (place) => {
      const { workdir, idleMs } = settings;
      const cwd = place.folder?.path ?? workdir;
      const plan = () => planSession(cli, cache, { sessionId: task.sessionId, cwd });
      const { id } = await plan();
      const key = id ?? task.sessionId;
      const onNamed = (name: string) => locks.alias(key, name);
      return locks.run(key, async () => {
        const attempt = { cli, task, session: await plan(), cache, context, place, cwd, idleMs, onNamed };
        const timeoutMs = policy.timeoutMs(provider.type, Math.min(task.timeout, settings.maxTimeoutMs));
        const result = await converse(attempt, versions, timeoutMs);
        const version = result.metadata?.cliVersion;
        if (typeof version === 'string') told.set(provider.label, version);
        return { ...result, stdout: excerptOf(result.stdout, policy.outputBytes(provider.type)) };
      });
    });
  };
}

function isAgentTask(task: PolledTask): task is PolledEnvelope & Surroundings & AgentPayload {
  return isAgentType(task.type);
}

/** A limit that was asked for and that this CLI does not keep: to run without it would be a lie. */
function unkeptLimit(type: AgentType, task: AgentPayload): string | undefined {
  const kept: readonly string[] = AGENTS[type].limits;
  return AGENT_LIMITS.find((limit) => task[limit] !== undefined && !kept.includes(limit));
}

/** Runs the CLI; all runs that it takes share one time limit. */
async function converse(
  attempt: AgentAttempt,
  versions: CliVersions,
  timeoutMs: number,
): Promise<ExecutionResult> {
  const { clock } = attempt.context;
  const startedAt = clock.steady();
  const elapsedMs = () => Math.round(clock.steady() - startedAt);
  const leftMs = () => Math.max(1, timeoutMs - elapsedMs());
  const version = askVersion(attempt, versions);
  let used = attempt;
  let run = await runModels(used, leftMs);
  const session = otherSession(used, run);
  if (session !== null) {
    used = { ...attempt, session };
    run = await runModels(used, leftMs);
  }
  const durationMs = elapsedMs();
  return agentResult(used, run, { timeoutMs, durationMs, cliVersion: await version() });
}

/** Milliseconds that a result waits for the CLI's version, which is asked for beside the first run. */
const VERSION_WAIT_MS = 5_000;

function askVersion({ cli, context }: AgentAttempt, versions: CliVersions): () => Promise<string | null> {
  const { provider, settings } = cli;
  if (provider.versionFlag === null) return async () => null;
  let version: string | null = null;
  const asking = versions.of(settings.path, provider.versionFlag, context).then((told) => {
    version = told;
  });
  return async () => {
    await within(context.clock, VERSION_WAIT_MS, asking);
    return version;
  };
}

function otherSession(attempt: AgentAttempt, run: AgentRun) {
  const failed = failureIn(attempt, run);
  return failed === null ? null : replan(attempt.session, run, failed);
}

/** Null as well for a run that was ended from here. */
function failureIn(attempt: AgentAttempt, run: AgentRun): Failure | null {
  return run.outcome.aborted || run.outcome.timedOut ? null : failureOf(attempt, run);
}

/** A run, and another one with the next model while the one before is unavailable, and has done nothing yet. */
async function runModels(attempt: AgentAttempt, leftMs: () => number): Promise<AgentRun> {
  const { cli, task, context } = attempt;
  const [first = [], ...others] = modelChoices(cli, task.model ?? null);
  let run = await runAgent(attempt, first, leftMs());
  for (const models of others) {
    const failed = failureIn(attempt, run);
    if (failed === null || !isOfModel(failed) || run.turn.acted) break;
    context.log.warn({ cli: cli.provider.label, next: models }, 'model is unavailable: trying the next one');
    run = await runAgent(attempt, models, leftMs());
  }
  return run;
}

/** The models of each run, the wanted one first: all in one run where the CLI itself goes on to the next. */
function modelChoices({ provider, settings }: Cli, wanted: string | null): string[][] {
  const models = [...new Set([...(wanted === null ? [] : [wanted]), ...settings.models])];
  return provider.fallsBack || models.length === 0 ? [models] : models.map((model) => [model]);
}
