import type { Clock } from '../clock.ts';
import type { ResultBody } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import type { TaskType } from '../queue/task.ts';
import type { ApiClient } from './api-client.ts';
import type { Attempt } from './attempt.ts';
import type { CannotStart } from './child.ts';
import { childEnvironment } from './environment.ts';
import { type ExecutionContext, type ExecutionResult, type Executors, failure } from './executor.ts';
import type { Fitness } from './fitness.ts';
import type { Isolation } from './isolation/isolation.ts';
import { LiveOutput } from './live-output.ts';
import type { Mask, MaskStream } from './mask.ts';
import type { Pauses } from './pauses.ts';
import { type Policy, PolicyError, REFUSED } from './policy/policy.ts';
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
  fitness: Pick<Fitness, 'tried' | 'isUnfitFor' | 'problem'>;
  /** Hears what the end of a task says about others of its type. */
  pauses: Pick<Pauses, 'heard' | 'has'>;
  mask: Mask;
  isolation?: Isolation;
  api: Pick<ApiClient, 'output'>;
}

/** What the work on an attempt has to know of it. */
type Worked = Pick<Attempt, 'signal' | 'leaseId'> & { task: { type: TaskType } };

/** Nothing of the attempt has run: this machine can't, another one or another time may. */
export class Unfit extends Error {}

/** Executes an attempt to its end, whatever that is. Null: its lease is lost, and nobody is to hear of it. */
export async function work(attempt: Attempt, parts: WorkParts): Promise<ResultBody | Unfit | null> {
  const { task, leaseId } = attempt;
  const startedAt = parts.clock.steady();
  parts.log.info({ taskId: task.id, type: task.type, attempt: task.attempt }, 'task starts');
  const view = new View(attempt, parts);
  const executed = await execute(attempt, parts, view.print);
  if (executed instanceof Unfit) {
    parts.log.warn({ taskId: task.id, reason: executed.message }, 'task is given back');
    return executed;
  }
  parts.pauses.heard(task.type, executed);
  const { metadata, pause: _, ...result } = await view.end(executed);
  const duration = Math.round(parts.clock.steady() - startedAt);
  const { exitCode, error } = result;
  if (error?.startsWith(REFUSED)) parts.log.warn({ taskId: task.id, reason: error }, 'task is refused');
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

async function execute(
  attempt: Attempt,
  parts: WorkParts,
  print: ExecutionContext['print'],
): Promise<ExecutionResult | Unfit> {
  const { task, signal } = attempt;
  const executor = Object.hasOwn(parts.executors, task.type) ? parts.executors[task.type] : undefined;
  if (executor === undefined) return failure(`unknown task type: ${task.type}`);
  if (signal.aborted) return failure(stopText(signal), -1);
  const unfit = unfitFor(attempt, parts);
  if (unfit !== null) return new Unfit(unfit);
  try {
    parts.policy.checkType(task.type);
    return await executor(task, contextOf(attempt, parts, print));
  } catch (error) {
    if (error instanceof PolicyError) return failure(error.message, -1);
    if (error instanceof Unfit) return error;
    parts.log.error({ taskId: task.id, err: error }, 'an executor failed');
    return failure(`the runner failed: ${(error as Error).message}`, -1);
  }
}

/** What those see who look on while a task runs, and its result: neither has a secret of this runner in it. */
class View {
  readonly #live: LiveOutput | null;
  readonly #mask: Mask;
  /** A secret may come in two pieces here too: an AI CLI tells its answer so. */
  readonly #transcript: MaskStream;
  #isEmpty = true;

  /** Nobody looks on at an older Task API. */
  constructor({ leaseId }: Worked, { api, clock, mask }: Pick<WorkParts, 'api' | 'clock' | 'mask'>) {
    this.#live = leaseId === null ? null : new LiveOutput({ leaseId, api, clock });
    this.#mask = mask;
    this.#transcript = mask.stream();
  }

  readonly print: ExecutionContext['print'] = (stream, text) => {
    this.#isEmpty &&= text === '';
    const isMasked = stream !== 'transcript';
    this.#live?.print(stream, isMasked ? text : this.#transcript.push(Buffer.from(text)).toString());
  };

  /** Sends the rest; all of it, where nothing was printed on the way. */
  async end(result: ExecutionResult): Promise<ExecutionResult> {
    this.#live?.print('transcript', this.#transcript.end().toString());
    const { pause, ...told } = result;
    const masked = this.#mask.json({ ...told }) as ExecutionResult;
    await this.#live?.end(this.#isEmpty ? masked : undefined);
    return { ...masked, ...(pause && { pause }) };
  }
}

/** Why the attempt is better given back than tried; null with an older Task API too, which takes nothing back. */
function unfitFor({ task, leaseId }: Worked, parts: Pick<WorkParts, 'fitness' | 'pauses'>): string | null {
  if (leaseId === null) return null;
  if (parts.pauses.has(task.type)) return `tasks of type ${task.type} are paused here`;
  return parts.fitness.isUnfitFor(task.type) ? parts.fitness.problem : null;
}

/** What an executor gets to work with. */
export function contextOf(
  attempt: Worked,
  parts: Omit<WorkParts, 'executors' | 'api'>,
  print: ExecutionContext['print'],
): ExecutionContext {
  const { signal, leaseId } = attempt;
  const { clock, log, env, envPass, policy, mask } = parts;
  return {
    signal,
    leaseId,
    clock,
    log,
    policy,
    mask,
    print,
    environment: (names = []) => childEnvironment(env, [...envPass, ...names]),
    run: childrenOf(attempt, parts),
  };
}

/** What starts the attempt's children. Throws `Unfit` where this machine can't start the first. */
function childrenOf(attempt: Worked, parts: Omit<WorkParts, 'executors' | 'api'>): ExecutionContext['run'] {
  const { clock, killGraceMs: graceMs, fitness, mask, policy, isolation } = parts;
  const outputLimitBytes = Math.min(parts.outputLimitBytes, policy.outputBytes(attempt.task.type));
  const limits = { clock, graceMs, mask, ...(isolation && { isolation }) };
  let hasRun = false;
  return async ({ stop, outputBytes = outputLimitBytes, ...command }) => {
    let unfit: string | null = null;
    const onStart = (obstacle: CannotStart | null) => {
      hasRun ||= obstacle === null;
      fitness.tried(command, obstacle);
      unfit = hasRun ? null : unfitFor(attempt, parts);
    };
    const signal = stop === undefined ? attempt.signal : AbortSignal.any([attempt.signal, stop]);
    const outcome = await runProcess({
      ...command,
      ...limits,
      outputLimitBytes: outputBytes,
      signal,
      onStart,
    });
    if (unfit !== null) throw new Unfit(unfit);
    return outcome;
  };
}
