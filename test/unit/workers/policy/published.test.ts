import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { explain } from '../../../../src/workers/policy/explain.ts';
import { loadPolicy, readPolicyFile } from '../../../../src/workers/policy/policy-file.ts';
import { publishedSchema } from '../../../../src/workers/policy/schema.ts';
import { shellBlocks } from '../../../support/markdown.ts';

const TOP = fileURLToPath(new URL('../../../..', import.meta.url));
const SAMPLE = join(TOP, 'config/policy.json');

describe('the published policy', () => {
  test('schema is the one that files are read by (else: see docs/security-guide.md for how to write it anew)', () => {
    const published = JSON.parse(readFileSync(join(TOP, 'config/policy.schema.json'), 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(publishedSchema())));
  });

  test('sample is one that can be used, bypasses nothing, and keeps what is protected without it', () => {
    const rules = readPolicyFile(SAMPLE);
    const policy = loadPolicy(SAMPLE, { home: homedir(), dataDir: join(homedir(), '.openclaw-runner') });
    const usual = loadPolicy(null, { home: homedir(), dataDir: join(homedir(), '.openclaw-runner') });
    expect(rules.files?.protected).toEqual(expect.arrayContaining([...usual.grounds.protected]));
    expect(explain(policy).join('\n')).not.toMatch(/asks nobody/);
    expect(() => policy.checkCommand('npm test; curl evil')).toThrow(/commands.allow/);
    policy.checkCommand('git status');
  });

  test('is told in sentences, a bypass with a warning', () => {
    const policy = loadPolicy(null, { home: '/home/me', dataDir: '/data' });
    const [types, commands, read] = explain(policy);
    expect([types, commands]).toEqual(['Tasks of every type run.', 'Any command runs.']);
    expect(read).toMatch(/^File tasks read anywhere, but nothing of the runner's own folder \/data/);
  });
});

describe('docs/security-guide.md', () => {
  const guide = readFileSync(join(TOP, 'docs/security-guide.md'), 'utf8');

  test('names every field of a policy', () => {
    for (const field of Object.keys((publishedSchema() as { properties: object }).properties))
      expect(guide).toContain(field);
  });

  test('has lines for a policy file that can be put into one', () => {
    const lines = [...guide.matchAll(/`(\{"[^`]*\})`/g)].map(([, line = '']) => line);
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
    expect(shellBlocks(join(TOP, 'docs/security-guide.md')).length).toBeGreaterThan(0);
  });
});
