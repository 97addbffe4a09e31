import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { AgentPayload, PolledEnvelope, PolledTask } from '../../http/contract/payload.ts';
import type { Log } from '../../log.ts';
import { type AgentType, isAgentType } from '../../queue/task.ts';
import { type ExecutionResult, type Executor, failure } from '../executor.ts';
import { type AgentAttempt, type AgentRun, mayStartAnew, runAgent } from './agent-run.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { gemini } from './gemini.ts';
import type { Provider } from './provider.ts';
import { agentResult, modelUnavailable } from './result.ts';
import { SessionCache } from './session-cache.ts';
import { SessionLocks } from './session-locks.ts';
import { planSession } from './session-plan.ts';
import type { AgentSettings } from './settings.ts';

export interface AgentDeps {
  clock: Clock;
  log: Log;
  /** The runner's own environment: it may say where the CLIs keep their files. */
  env: NodeJS.ProcessEnv;
  /** The home folder, absolute. */
  home: string;
}

/** The executors of the AI CLI tasks. Reads the session cache; a CLI that is missing fails its tasks, not the start. */
export function createAgentExecutors(settings: AgentSettings, deps: AgentDeps): Record<AgentType, Executor> {
  const { env, home } = deps;
  const cache = new SessionCache(settings.sessionCacheFile, settings.sessionRetentionMs, deps);
  const claudeDir = env.CLAUDE_CONFIG_DIR || join(home, '.claude');
  const codexDir = env.CODEX_HOME || join(home, '.codex');
  const geminiDir = join(env.GEMINI_CLI_HOME || home, '.gemini');
  const executor = (provider: Provider) => agentExecutor(provider, settings, cache);
  return {
    'claude-cli': executor(claude(settings.claude, claudeDir)),
    'codex-cli': executor(codex(settings.codex, codexDir)),
    'gemini-cli': executor(gemini(settings.gemini, geminiDir, settings.workdir)),
  };
}

function agentExecutor(provider: Provider, settings: AgentSettings, cache: SessionCache): Executor {
  const locks = new SessionLocks();
  return async (task, context) => {
    if (!isAgentTask(task)) return failure(`not a task of an AI CLI: ${task.type}`);
    const plan = () => planSession(provider, cache, task.sessionId);
    const { id } = await plan();
    return locks.run(id ?? task.sessionId, async () => {
      const session = await plan();
      const attempt = { provider, task, session, cache, context, cwd: settings.workdir };
      return converse(attempt, Math.min(task.timeout, settings.maxTimeoutMs));
    });
  };
}

function isAgentTask(task: PolledTask): task is PolledEnvelope & AgentPayload {
  return isAgentType(task.type);
}

/** Runs the CLI; all runs that it takes share one time limit. */
async function converse(attempt: AgentAttempt, timeoutMs: number): Promise<ExecutionResult> {
  const { clock } = attempt.context;
  const startedAt = clock.steady();
  const elapsedMs = () => Math.round(clock.steady() - startedAt);
  const leftMs = () => Math.max(1, timeoutMs - elapsedMs());
  let used = attempt;
  let run = await runModels(used, leftMs);
  if (mayStartAnew(used.session, run)) {
    used = { ...attempt, session: { resume: false, id: null } };
    run = await runModels(used, leftMs);
  }
  return agentResult(used, run, { timeoutMs, durationMs: elapsedMs() });
}

/** A run, and another one with the next model while the one before is unavailable. */
async function runModels(attempt: AgentAttempt, leftMs: () => number): Promise<AgentRun> {
  const { provider, task, context } = attempt;
  const [first = [], ...others] = modelChoices(provider, task.model ?? null);
  let run = await runAgent(attempt, first, leftMs());
  for (const models of others) {
    if (!modelUnavailable(run)) break;
    context.log.warn({ cli: provider.label, next: models }, 'model is unavailable: trying the next one');
    run = await runAgent(attempt, models, leftMs());
  }
  return run;
}

/** The models of each run, the wanted one first: all in one run where the CLI itself goes on to the next. */
function modelChoices(provider: Provider, wanted: string | null): string[][] {
  const models = [...new Set([...(wanted === null ? [] : [wanted]), ...provider.models])];
  return provider.fallsBack || models.length === 0 ? [models] : models.map((model) => [model]);
}
