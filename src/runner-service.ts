/** Composes the execution plane out of the rooms: the runner. It knows the Task API (service.ts) by HTTP only. */
import type { RunnerSettings } from './runner-config.ts';
import type { Surroundings } from './service.ts';
import { createAgents } from './workers/agents/agent-executor.ts';
import { FILE_CHILD } from './workers/executors/isolated-file.ts';
import { Isolation } from './workers/isolation/isolation.ts';
import { createRunner } from './workers/runner.ts';

export interface RunningRunner {
  /** Lets what runs finish within its drain time (until `hurry` aborts), then kills it and reports. */
  close(hurry: AbortSignal): Promise<void>;
  /** Resolves when it has ended, by itself too: a newer instance of its id has taken over. */
  readonly ended: Promise<unknown>;
}

/** Polls from the moment it resolves. `StartError` when its data folder can't be used. */
export async function startRunner(
  settings: RunnerSettings,
  taskApi: { url: string; token: string },
  lent: Surroundings,
): Promise<RunningRunner> {
  const { agents, policy, isolation: isolationSettings, ...config } = settings;
  const isolation = new Isolation(isolationSettings, policy);
  await isolation.check([FILE_CHILD], process.env);
  const env = isolation.environment(process.env);
  const { executors, ...told } = createAgents(agents, { ...lent, env, home: isolation.home });
  const parts = { env, executors, agents: told, policy, isolation };
  const runner = createRunner({ ...config, ...taskApi }, { ...lent, ...parts });
  await runner.start();
  return {
    ended: runner.stopped,
    async close(hurry) {
      const drained = runner.drain();
      const hasten = () => void runner.drain();
      hurry.addEventListener('abort', hasten);
      if (hurry.aborted) hasten();
      await drained;
      hurry.removeEventListener('abort', hasten);
    },
  };
}
