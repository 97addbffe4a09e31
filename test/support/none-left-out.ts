import type { Reporter } from 'vitest/node';

/** A test that is left out proves nothing: it counts as failed. */
export const noneLeftOut: Reporter = {
  onTestRunEnd(modules) {
    const leftOut = modules.flatMap(({ children }) => [...children.allTests('skipped')]);
    if (leftOut.length > 0)
      throw new Error(`left out: ${leftOut.map(({ fullName }) => fullName).join('; ')}`);
  },
};
