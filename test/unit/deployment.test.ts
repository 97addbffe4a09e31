/**
 * What is shipped for Docker, systemd, launchd and CI, read as text: neither Docker nor an init system runs here. The
 * build steps of the Dockerfile are npm scripts that other tests run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  readDataFolder,
  readLogLevel,
  readServiceToken,
  readTaskApiConfig,
  readUrl,
} from '../../src/config.ts';
import { readRunnerSettings } from '../../src/runner-config.ts';
import { Settings } from '../../src/settings.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(TOP, path), 'utf8');

describe('docker/Dockerfile', () => {
  const lines = read('docker/Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  it('is built on Node 24 slim', () => {
    const bases = lines.filter((line) => line.startsWith('FROM '));
    expect(bases.length).toBeGreaterThan(0);
    for (const base of bases) expect(base).toMatch(/^FROM node:24-slim( AS build)?$/);
  });

  it('does not run as root', () => {
    const user = last.indexOf('USER node');
    expect(user).toBeGreaterThan(0);
    expect(last.findIndex((line) => line.startsWith('CMD'))).toBeGreaterThan(user);
    expect(last.filter((line) => line.startsWith('USER'))).toHaveLength(1);
  });

  it('keeps its data on a volume that the user owns, and listens on every address of the container', () => {
    const text = last.join('\n');
    expect(text).toContain('VOLUME /data');
    expect(text).toContain('install -d -o node -g node -m 0700 /data');
    expect(text).toContain('WORKER_HOST=0.0.0.0');
    expect(text).toContain('WORKER_TASK_DB=/data/tasks.db');
    expect(text).toContain('WORKER_EVENT_DB=/data/events.db');
    expect(text).not.toMatch(/TOKEN/);
  });

  it('asks the Task API for its health, and starts nothing but the Task API', () => {
    expect(last.join('\n')).toMatch(/HEALTHCHECK .+CMD \["node", "-e", "fetch\(.+\/health/);
    expect(last).toContain('CMD ["node", "bin/openclaw-runner.mjs", "task-api"]');
  });

  it('copies only what exists and what .dockerignore lets in', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? line.slice(1) : []));
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.length).toBeGreaterThan(4);
    for (const path of copied) {
      expect(existsSync(join(TOP, path)), path).toBe(true);
      expect(allowed).toContain(path.replace(/^\.\//, ''));
    }
  });
});

describe('docker/compose.yaml', () => {
  const text = read('docker/compose.yaml');

  it('runs the Task API only, published on loopback', () => {
    const [services = ''] = /^services:\n(?:(?: .*)?\n)*/m.exec(text) ?? [];
    expect(services.match(/^ {2}[\w-]+:$/gm)).toEqual(['  task-api:']);
    expect(services).toContain('"127.0.0.1:3456:3456"');
    expect(services).not.toContain('runner start');
  });

  it('mounts no Docker socket and takes no rights', () => {
    expect(text).not.toMatch(/docker\.sock|privileged: true|network_mode|cap_add/);
    expect(text).toMatch(/cap_drop:\n +- ALL/);
    expect(text).toContain('no-new-privileges:true');
  });

  it('mounts the session folders read-only, where the Task API looks for them', () => {
    for (const folder of ['/host-claude-projects', '/host-codex-sessions', '/host-gemini-sessions']) {
      expect(text).toMatch(new RegExp(`target: ${folder}, read_only: true`));
      expect(text).toMatch(new RegExp(`_DIR: ${folder}$`, 'm'));
    }
    expect(text.match(/type: bind/g)).toHaveLength(3);
  });

  it('keeps the data on a named volume, and holds no secret', () => {
    expect(text).toMatch(/^ {6}- data:\/data$/m);
    expect(text).toMatch(/^volumes:\n {2}data:$/m);
    expect(text).not.toMatch(/TOKEN: *\S/);
  });
});

/** Every setting that is looked for by the Task API and a runner. */
function namesAsked(): string[] {
  const asked: string[] = [];
  const env = new Proxy({} as Record<string, undefined>, {
    get: (_, name) => void asked.push(String(name)),
  });
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  readTaskApiConfig(settings, folder);
  readServiceToken(settings);
  readUrl(settings);
  readLogLevel(settings);
  readRunnerSettings(settings, folder.path);
  return asked;
}

it.each(['README.md', 'README_CN.md'])('%s names every setting that is read', (name) => {
  const text = read(name);
  const missing = namesAsked().filter((setting) => !text.includes(`\`${setting}\``));
  expect(missing.filter((setting) => setting !== 'PATH')).toEqual([]);
});

describe('config/', () => {
  const samples = readdirSync(join(TOP, 'config'));

  it('is data only, without a secret', () => {
    for (const name of samples) expect(name).toMatch(/\.(env\.example|service|plist|json)$/);
    for (const name of samples) expect(read(`config/${name}`)).not.toMatch(/^#?\w*(TOKEN|SECRET_KEY)=\S/m);
  });

  it.each(['task-api', 'runner'])('the sample of %s names only settings that are read', (part) => {
    const asked = namesAsked();
    const names = read(`config/${part}.env.example`).match(/^#?[A-Z][A-Z_]+(?==)/gm) ?? [];
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(asked).toContain(name.replace('#', ''));
  });

  it('services stop the runner alone and give it time to drain', () => {
    const unit = read('config/openclaw-runner.service');
    expect(unit).toContain('KillMode=mixed');
    expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)?.[1])).toBeGreaterThan(45);
    expect(unit).toMatch(/^ExecStart=\S+\/node \S+\/bin\/openclaw-runner\.mjs start$/m);
    const plist = read('config/openclaw-runner.plist');
    expect(Number(/ExitTimeOut<\/key>\s*<integer>(\d+)/.exec(plist)?.[1])).toBeGreaterThan(45);
    expect(plist).toContain('/bin/openclaw-runner.mjs</string>');
  });
});

describe('.ci/run', () => {
  const path = join(TOP, '.ci/run');

  it('is an executable script that bash understands', () => {
    expect(statSync(path).mode & 0o111).toBe(0o111);
    execFileSync('bash', ['-n', path]);
  });

  it('fails when anything fails, installs, checks and tests', () => {
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('set -euo pipefail');
    for (const step of ['npm ci', 'npm run check', 'npm test']) expect(text).toContain(step);
  });

  it('names at its end what failed and why, and counts it', () => {
    const folder = tempFolder();
    const broken = {
      name: join(TOP, 'test/a.test.ts'),
      status: 'failed',
      message: 'cannot load',
      assertionResults: [],
    };
    const red = {
      name: join(TOP, 'test/b.test.ts'),
      status: 'failed',
      message: '',
      assertionResults: [
        { status: 'passed', fullName: 'counts', failureMessages: [] },
        { status: 'failed', fullName: 'adds', failureMessages: ['AssertionError: 1 is not 2'] },
      ],
    };
    writeFileSync(
      join(folder, 'report.json'),
      JSON.stringify({ numPassedTests: 7, testResults: [broken, red] }),
    );
    writeFileSync(join(folder, 'npm run -s chaos.log'), 'kill 1\nlost a task\n');
    expect(summary(folder, '1', '6', 'npm run -s chaos')).toBe(`
FAILED test/a.test.ts
  cannot load

FAILED test/b.test.ts › adds
  AssertionError: 1 is not 2

FAILED npm run -s chaos
  kill 1
  lost a task

13 passed, 3 failed
`);
  });

  it('counts tests that did not run, or left no report, as a failure', () => {
    expect(summary(tempFolder(), 'none', '0')).toMatch(/a step before it failed\n\n0 passed, 1 failed\n$/);
    expect(summary(tempFolder(), '124', '7')).toContain('exit code 124');
    expect(summary(tempFolder(), '124', '7')).toMatch(/\n7 passed, 1 failed\n$/);
  });
});

function summary(...args: string[]): string {
  return execFileSync(process.execPath, ['.ci/summary.mjs', ...args], { cwd: TOP, encoding: 'utf8' });
}
