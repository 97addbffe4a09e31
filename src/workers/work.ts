import type { Clock } from '../clock.ts';
import type { ResultBody } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import type { Attempt } from './attempt.ts';
import { childEnvironment } from './environment.ts';
import { type ExecutionContext, type ExecutionResult, type Executors, failure } from './executor.ts';
import type { Fitness } from './fitness.ts';
import type { Pauses } from './pauses.ts';
import { type Policy, PolicyError } from './policy/policy.ts';
import { runProcess } from './process.ts';
import { stopText } from './stop.ts';

/** What a runner lends to the work on an attempt. */
export interface WorkParts {
  executors: Executors;
  clock: Clock;
  log: Log;
  env: NodeJS.ProcessEnv;
  envPass: readonly string[];
  outputLimitBytes: number;
  killGraceMs: number;
  policy: Policy;
  /** Hears what could be started here. */
  fitness: Pick<Fitness, 'tried'>;
  /** Hears what the end of a task says about others of its type. */
  pauses?: Pick<Pauses, 'heard'>;
}

/** Executes an attempt to its end, whatever that is. Null: its lease is lost, and nobody is to hear of it. */
export async function work(attempt: Attempt, parts: WorkParts): Promise<ResultBody | null> {
  const { task, leaseId } = attempt;
  const startedAt = parts.clock.steady();
  parts.log.info({ taskId: task.id, type: task.type, attempt: task.attempt }, 'task starts');
  const ended = await execute(attempt, parts);
  parts.pauses?.heard(task.type, ended);
  const { metadata, pause: _, ...result } = ended;
  const duration = Math.round(parts.clock.steady() - startedAt);
  const { exitCode } = result;
  parts.log.info({ taskId: task.id, type: task.type, exitCode, durationMs: duration }, 'task ends');
  if (attempt.isLost) return null;
  return {
    taskId: task.id,
    ...(leaseId !== null && { leaseId }),
    ...result,
    duration,
    ...(metadata && { metadata }),
  };
}

async function execute(attempt: Attempt, parts: WorkParts): Promise<ExecutionResult> {
  const { task, signal } = attempt;
  const executor = Object.hasOwn(parts.executors, task.type) ? parts.executors[task.type] : undefined;
  if (executor === undefined) return failure(`unknown task type: ${task.type}`);
  if (signal.aborted) return failure(stopText(signal), -1);
  try {
    parts.policy.checkType(task.type);
    return await executor(task, contextOf(attempt, parts));
  } catch (error) {
    if (error instanceof PolicyError) return failure(error.message, -1);
    parts.log.error({ taskId: task.id, err: error }, 'an executor failed');
    return failure(`the runner failed: ${(error as Error).message}`, -1);
  }
}

/** What an executor gets to work with. */
export function contextOf(
  { signal, leaseId }: Pick<Attempt, 'signal' | 'leaseId'>,
  parts: Omit<WorkParts, 'executors'>,
): ExecutionContext {
  const { clock, log, env, envPass, outputLimitBytes, killGraceMs: graceMs, fitness, policy } = parts;
  const limits = { signal, clock, outputLimitBytes, graceMs };
  return {
    signal,
    leaseId,
    clock,
    log,
    policy,
    environment: (names = []) => childEnvironment(env, [...envPass, ...names]),
    run: ({ stop, ...command }) =>
      runProcess({
        ...command,
        ...limits,
        signal: stop === undefined ? signal : AbortSignal.any([signal, stop]),
        onStart: (problem) => fitness.tried(command, problem),
      }),
  };
}
