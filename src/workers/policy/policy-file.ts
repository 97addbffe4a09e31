import { readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { type PlainPolicy, Policy, type Surroundings } from './policy.ts';
import { type PolicyRules, policySchema } from './schema.ts';

export interface PolicyProblem {
  /** `limits.command.timeoutMs`; null for the file as a whole. */
  field: string | null;
  problem: string;
}

/** Why a policy file can't be used: a line for each problem, with the field. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[]) {
    super(
      problems.map(({ field, problem }) => (field === null ? problem : `${field}: ${problem}`)).join('\n'),
    );
    this.problems = problems;
  }
}

/** The rules of a file. `PolicyFileError` when it can't be read, is no JSON, or says what no policy can say. */
export function readPolicyFile(path: string): PolicyRules {
  const checked = policySchema.safeParse(jsonIn(path));
  if (!checked.success) throw new PolicyFileError(checked.error.issues.flatMap(toProblems));
  return checked.data;
}

/** The folder of this program: whoever writes there decides what the next start allows. */
const PROGRAM = resolve(import.meta.dirname, '../../..');

/** The policy of this machine; the defaults without a file. `PolicyFileError`. */
export function loadPolicy(
  path: string | null,
  { home, dataDir }: Pick<Surroundings, 'home' | 'dataDir'>,
): Policy {
  const rules = path === null ? {} : readPolicyFile(path);
  const fixed = [PROGRAM, process.execPath, ...(path === null ? [] : [path])].map(real);
  const places = { home: real(home), temporary: real(tmpdir()), dataDir: real(dataDir), fixed };
  return new Policy(rules, { ...places, real });
}

/** Of another process that has read the file. */
export function restoredPolicy({ rules, surroundings }: PlainPolicy): Policy {
  return new Policy(rules, { ...surroundings, real });
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new PolicyFileError([{ field: null, problem: fileProblem(error as NodeJS.ErrnoException) }]);
  }
}

function fileProblem({ name, code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  return name === 'SyntaxError' ? `it is no JSON: ${message}` : message;
}

function toProblems(issue: z.core.$ZodIssue): PolicyProblem[] {
  const at = (path: readonly PropertyKey[]) => (path.length === 0 ? null : path.join('.'));
  if (issue.code !== 'unrecognized_keys') return [{ field: at(issue.path), problem: issue.message }];
  return issue.keys.map((key) => ({ field: at([...issue.path, key]), problem: 'no field of a policy' }));
}

/** Without symbolic links, as far as it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), path.slice(parent.length).replace(/^[\\/]/, ''));
  }
}
