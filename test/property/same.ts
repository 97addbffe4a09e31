import { deepStrictEqual } from 'node:assert/strict';
import type { Outcome } from '../../src/queue/index.ts';
import { Refused } from './model/task.ts';

/** Throws when queue and model differ. */
export function same(real: unknown, model: unknown, what: string): void {
  try {
    deepStrictEqual(real, model);
  } catch (error) {
    throw new Error(`${what} (+ the queue, - the model)\n${(error as Error).message}`);
  }
}

/** What an operation comes to; a refusal is an answer. Anything else that it throws is a fault. */
export async function answerOf<T>(operation: () => T | Promise<T>): Promise<T | string> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof Refused) return `refused: ${error.code}`;
    if (error instanceof Error && error.name === 'AppError' && 'code' in error)
      return `refused: ${error.code}`;
    throw error;
  }
}

/** The part of an outcome that the model knows. */
export function essenceOf(outcome: Outcome | undefined) {
  if (!outcome?.result) return outcome;
  const { stdout, exitCode, error } = outcome.result;
  return { status: outcome.status, result: { stdout, exitCode, error } };
}
