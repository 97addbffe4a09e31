import { readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { type PlainPolicy, Policy, type Surroundings } from './policy.ts';
import { type PolicyRules, policySchema } from './schema.ts';

/** Why a policy file can't be used: a line for each problem, with the field. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
}

/** The rules of a file. `PolicyFileError` when it can't be read, is no JSON, or says what no policy can say. */
export function readPolicyFile(path: string): PolicyRules {
  const checked = policySchema.safeParse(jsonIn(path));
  if (!checked.success) throw new PolicyFileError(checked.error.issues.map(toLine).join('\n'));
  return checked.data;
}

/** The policy of this machine; the defaults without a file. `PolicyFileError`. */
export function loadPolicy(
  path: string | null,
  { home, dataDir }: Pick<Surroundings, 'home' | 'dataDir'>,
): Policy {
  const rules = path === null ? {} : readPolicyFile(path);
  const places = { home: real(home), temporary: real(tmpdir()), dataDir: real(dataDir) };
  try {
    return new Policy(rules, { ...places, policyFile: path === null ? null : real(path), real });
  } catch (error) {
    throw new PolicyFileError(`commands: ${(error as Error).message}`);
  }
}

/** Of another process that has read the file. */
export function restoredPolicy({ rules, surroundings }: PlainPolicy): Policy {
  return new Policy(rules, { ...surroundings, real });
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new PolicyFileError((error as Error).message);
  }
}

function toLine({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
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
