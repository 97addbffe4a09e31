/** A program of its own: does one file task with the rights that it was started with. JSON in, JSON out. */
import { text } from 'node:stream/consumers';
import type { PolledTask } from '../../http/contract/payload.ts';
import { type ExecutionResult, failure } from '../executor.ts';
import { Mask } from '../mask.ts';
import { type PlainPolicy, PolicyError } from '../policy/policy.ts';
import { restoredPolicy } from '../policy/policy-file.ts';
import { fileTasks } from './file.ts';

/** What is asked of it. */
export interface FileErrand {
  task: PolledTask;
  policy: PlainPolicy;
}

/** To be tried, it is asked for nothing. */
const given = await text(process.stdin);
if (given !== '') process.stdout.write(JSON.stringify(await run(JSON.parse(given))));

async function run({ task, policy }: FileErrand): Promise<ExecutionResult> {
  try {
    const execute = fileTasks[task.type as keyof typeof fileTasks];
    return await execute(task, { policy: restoredPolicy(policy), mask: new Mask([]) });
  } catch (error) {
    if (error instanceof PolicyError) return failure(error.message, -1);
    throw error;
  }
}
