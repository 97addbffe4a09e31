import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BREAKS, brokenProduct, PRODUCT } from '../../support/sabotage.ts';
import { tempFolder } from '../../support/temp-folder.ts';

describe('sabotage', () => {
  it.each(Object.entries(BREAKS))(
    '%s still finds what it breaks, and leaves the product alone',
    (_, edits) => {
      const before = edits.map(({ file }) => readFileSync(join(PRODUCT, file), 'utf8'));
      const copy = brokenProduct(join(tempFolder(), 'product'), edits);
      expect(edits.map(({ file }) => readFileSync(join(PRODUCT, file), 'utf8'))).toEqual(before);
      expect(edits.map(({ file }) => readFileSync(join(copy, file), 'utf8'))).not.toEqual(before);
    },
  );

  it('refuses an edit that no longer applies', () => {
    const gone = { file: 'src/clock.ts', find: 'this was never there', put: '' };
    expect(() => brokenProduct(join(tempFolder(), 'product'), [gone])).toThrow(/0 times, not once/);
  });
});
