import { describe, expect, it } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, outcomeOf } from '../support/terminal.ts';

describe.each([
  ['smoke:task-api', ['after kill -9 and a restart', 'the whole story', 'one after the other']],
  ['smoke:notify', ['is forwarded', 'is told with a 502']],
])('npm run %s', (script, sentences) => {
  it('proves what it says, a line for each', async () => {
    const { code, out, err } = await outcomeOf(['npm', 'run', '-s', script], {
      env: freshEnvironment(tempFolder()),
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const sentence of sentences) expect(out).toMatch(new RegExp(`✓ .*${sentence}`));
    expect(out).not.toContain('✗');
  });
});
