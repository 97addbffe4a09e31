/** What can't start says why in one sentence, with exit code 1 and without a stack trace. */
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { CLONE, freshEnvironment, ours, outcomeOf, run } from '../support/terminal.ts';

const TOKEN = 'a-token-of-the-refusal-tests';

function environment(more: Record<string, string> = {}) {
  return freshEnvironment(tempFolder(), { WORKER_PORT: '0', WORKER_TOKEN: TOKEN, ...more });
}

/** The one sentence of a subcommand that does not start. */
async function refusal(subcommand: string, env: Record<string, string>): Promise<string> {
  const { code, out, err } = await outcomeOf(ours(subcommand), { env });
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: 1, out: '', lines: 2 });
  expect(err).not.toMatch(/\n\s+at |node:/);
  return err.trim();
}

async function portInUse(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

describe('task-api', () => {
  it.each([{ WORKER_TOKEN: '' }, { WORKER_TOKEN: 'short' }, { WORKER_TOKEN: 'change-me-please-right-now' }])(
    'refuses %j in the words of the older system',
    async (weak) => {
      expect(await refusal('task-api', environment(weak))).toContain(
        'WORKER_TOKEN is not set or too weak (must be >= 16 chars, cannot use default)',
      );
    },
  );

  it('tells all wrong settings at once', async () => {
    const wrong = {
      ...{ WORKER_PORT: '70000', WORKER_LEASE_MS: 'x', CALLBACK_DELIVERY: 'x', WORKER_TOKEN: 'x' },
      WORKER_TASK_DB: '/no/such/folder/tasks.db',
    };
    const { code, out, err } = await outcomeOf(ours('task-api'), { env: environment(wrong) });
    expect([code, out]).toEqual([1, '']);
    for (const name of Object.keys(wrong)) expect(err).toContain(`\n  ${name}`);
    expect(err.trim().split('\n')).toHaveLength(6);
  });

  it('refuses a database of the older system, and leaves it untouched', async () => {
    const path = join(tempFolder(), 'tasks.db');
    const older = new Database(path);
    older.exec('CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT)');
    older.close();
    const before = readFileSync(path);
    expect(await refusal('task-api', environment({ WORKER_TASK_DB: path }))).toContain(
      `${path} is a database of the older Task API or of another program`,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('refuses a database that another Task API uses', async () => {
    const home = tempFolder();
    const env = freshEnvironment(home, { WORKER_PORT: '0', WORKER_TOKEN: TOKEN });
    await run(ours('task-api'), { env }).shows(/"msg":"ready"/);
    expect(await refusal('task-api', env)).toContain('Another Task API already uses');
    expect(await refusal('start', env)).toContain('Another Task API already uses');
  });
});

describe.each(['task-api', 'start'])('%s', (subcommand) => {
  it('refuses a port in use', async () => {
    const port = await portInUse();
    expect(await refusal(subcommand, environment({ WORKER_PORT: String(port) }))).toBe(
      `openclaw-runner: Port ${port} on 127.0.0.1 is in use; stop what listens there, or set WORKER_PORT to another port (0 picks a free one).`,
    );
  });

  it('refuses paths that can not be used', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    expect(await refusal(subcommand, environment({ OPENCLAW_RUNNER_HOME: file }))).toContain('data folder');
    const missing = { WORKER_TASK_DB: '/no/such/folder/tasks.db' };
    expect(await refusal(subcommand, environment(missing))).toContain('WORKER_TASK_DB');
    const folder = join(tempFolder(), 'folder');
    mkdirSync(folder);
    expect(await refusal(subcommand, environment({ WORKER_EVENT_DB: folder }))).toContain('WORKER_EVENT_DB');
    // Node's recursive mkdir never ends there.
    expect(await refusal(subcommand, environment({ OPENCLAW_RUNNER_HOME: '/proc/none' }))).toContain(
      'data folder /proc/none',
    );
  });
});

describe.each(['start', 'runner'])('%s', (subcommand) => {
  it('refuses a session cache that is a folder, and leaves it where it is', async () => {
    const folder = tempFolder();
    const env = environment({ RUNNER_SESSION_CACHE_FILE: folder });
    expect(await refusal(subcommand, env)).toContain('RUNNER_SESSION_CACHE_FILE: expected a file');
    accessSync(folder);
  });

  it.each([CLONE, 'no-such-shell', '/no/such/shell'])('refuses %s as a shell', async (shell) => {
    expect(await refusal(subcommand, environment({ RUNNER_SHELL: shell }))).toContain('RUNNER_SHELL');
  });

  it('refuses a token that no HTTP header can carry, without showing it', async () => {
    const told = await refusal(subcommand, environment({ WORKER_TOKEN: 'a token with blanks and ü' }));
    expect(told).toContain('characters that an HTTP header does not carry');
    expect(told).not.toContain('blanks and ü');
  });
});

describe('start', () => {
  it('refuses a weak WORKER_TOKEN rather than make one of its own', async () => {
    expect(await refusal('start', environment({ WORKER_TOKEN: 'short' }))).toContain('WORKER_TOKEN');
  });

  it('refuses a token file that others can read', async () => {
    const home = tempFolder();
    writeFileSync(join(home, 'token'), 'a-token-that-is-long-enough', { mode: 0o644 });
    const env = { ...environment({ OPENCLAW_RUNNER_HOME: home }), WORKER_TOKEN: '' };
    expect(await refusal('start', env)).toContain('chmod 600');
  });
});

describe('runner', () => {
  it('refuses to start without a token', async () => {
    expect(await refusal('runner', { ...environment(), WORKER_TOKEN: '' })).toContain('There is no token');
  });

  it('refuses a data folder that another runner uses', async () => {
    const env = environment();
    await run(ours('start'), { env }).shows(/runner polls/);
    expect(await refusal('runner', env)).toContain('Another runner already uses the data folder');
  });
});

describe('an old Node', () => {
  const SENTENCE = /^openclaw-runner needs Node 22\.18 or newer, and this is Node [\d.]+: .+\n$/;
  const bin = join(CLONE, 'bin', 'openclaw-runner.mjs');

  it.each(['14.21.3', '20.20.2', '22.17.1'])('%s hears one sentence', async (version) => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
    const command = [
      process.execPath,
      '--import',
      `data:text/javascript,${encodeURIComponent(pretend)}`,
      bin,
    ];
    const { code, out, err } = await outcomeOf([...command, 'start'], { env: environment() });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(SENTENCE);
    expect(err).toContain(version);
  });

  it('that is the one of this machine hears it, too', async (context) => {
    const env = environment();
    const node = (env.PATH ?? '')
      .split(delimiter)
      .map((folder) => join(folder, 'node'))
      .find(isExecutable);
    const version = node && (await outcomeOf([node, '-p', 'process.versions.node'], { env })).out.trim();
    if (!version || Number.parseInt(version, 10) >= 22) context.skip('this machine has no old Node');
    const { code, out, err } = await outcomeOf([String(node), bin, 'start'], { env });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(SENTENCE);
  });

  it('can read the file that says so: nothing in it is newer than Node 14', () => {
    // `?.` and `??` are of 14; these are not.
    expect(readFileSync(bin, 'utf8')).not.toMatch(/\?\?=|\|\|=|&&=|\.at\(|#\w+\s*[=(]|static\s*\{/);
  });
});

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
