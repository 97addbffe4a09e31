import { MAX_BODY_BYTES, type ResultBody } from '../http/contract/worker.ts';
import { excerptOfJson, jsonBytes } from './excerpt.ts';

/**
 * The JSON of a result that the Task API's body limit lets through, whatever an executor printed: of an output
 * that is too long, head and tail are left.
 */
export function fittingJson(body: ResultBody, limitBytes = MAX_BODY_BYTES): string {
  const json = JSON.stringify(body);
  const bytes = Buffer.byteLength(json);
  if (bytes <= limitBytes) return json;
  const output = jsonBytes(body.stdout) + jsonBytes(body.stderr);
  const room = limitBytes - (bytes - output);
  if (room < MIN_OUTPUT_BYTES) return JSON.stringify(minimalResult(body, 'the result is too large'));
  return JSON.stringify({ ...body, ...shared(body, room) });
}

/** With less room than this, something other than the output is what is too large. */
const MIN_OUTPUT_BYTES = 1024;

/** The smaller output keeps what it needs, up to half of the room; the other one gets the rest. */
function shared({ stdout, stderr }: ResultBody, room: number): Pick<ResultBody, 'stdout' | 'stderr'> {
  const half = Math.floor(room / 2);
  const stdoutRoom = Math.max(half, room - jsonBytes(stderr));
  const stderrRoom = Math.max(half, room - jsonBytes(stdout));
  return { stdout: excerptOfJson(stdout, stdoutRoom), stderr: excerptOfJson(stderr, stderrRoom) };
}

/** What ends a task whose own result can't be sent, so that whoever waits for it gets an answer. */
export function minimalResult(of: Pick<ResultBody, 'taskId' | 'leaseId'>, error: string): ResultBody {
  const lease = of.leaseId === undefined ? {} : { leaseId: of.leaseId };
  return { taskId: of.taskId, ...lease, stdout: '', stderr: '', exitCode: -1, error };
}
