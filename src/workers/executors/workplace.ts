import type { Surroundings } from '../../http/contract/payload.ts';
import { isForbidden } from '../environment.ts';
import { type ExecutionResult, failure } from '../executor.ts';
import { type Policy, PolicyError } from '../policy/policy.ts';
import { HeldFolder } from './held-folder.ts';

/** Where and with what a task runs, as it asked for and as this runner allows. */
export interface Workplace {
  /** Held open: what was checked is what the child enters. Undefined when the task names none. */
  folder: HeldFolder | undefined;
  /** What its environment has besides that of all tasks. */
  env: Record<string, string>;
}

/** Works at the place that `task` asks for, which is there until `work` has ended. `PolicyError` where it may not. */
export async function atWorkplace(
  { cwd, env = {} }: Surroundings,
  policy: Policy,
  work: (place: Workplace) => Promise<ExecutionResult>,
): Promise<ExecutionResult> {
  checkEnv(env, policy);
  if (cwd === undefined) return work({ folder: undefined, env });
  const folder = await HeldFolder.open(policy.place(cwd)).catch(problemOf);
  if (typeof folder === 'string')
    return failure(`could not start: the working directory ${cwd} ${folder}`, -1);
  try {
    policy.checkCwd(folder.path);
    // Programs that are no shell read it where they are from here: the path itself may mean something else by now.
    return await work({ folder, env: { ...env, PWD: folder.path } });
  } finally {
    await folder.close();
  }
}

function checkEnv(env: Record<string, string>, policy: Policy): void {
  const names = Object.keys(env);
  const own = names.find(isForbidden);
  if (own !== undefined) throw new PolicyError(`${own} is never set for a task`);
  policy.checkEnv(names);
}

function problemOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'ENOTDIR') return 'is no folder';
  return code === 'EACCES' || code === 'EPERM' ? 'can not be entered' : `can not be used: ${message}`;
}
