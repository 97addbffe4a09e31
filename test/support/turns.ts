import { onTestFinished } from 'vitest';

/** Counts the turns of the event loop until the test ends; gives the number of the present one. */
export function countTurns(): () => number {
  let turn = 0;
  const next = () => {
    turn += 1;
    immediate = setImmediate(next);
  };
  let immediate = setImmediate(next);
  onTestFinished(() => clearImmediate(immediate));
  return () => turn;
}
