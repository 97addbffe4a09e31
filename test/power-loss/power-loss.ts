/**
 * Shows that a power failure takes nothing that was acknowledged. Copying the files would show nothing, since the page
 * cache has the rows either way; so Task API and runner run under strace, and their traces are read.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { endTraced, spawnTraced } from '../support/strace.ts';
import type { Verdict } from '../support/verdict.ts';
import { type Acknowledgements, readAcknowledgements } from './acknowledgements.ts';
import { Client } from './client.ts';
import { type Deliveries, readDeliveries } from './deliveries.ts';
import { makeRounds } from './rounds.ts';

const TOKEN = 'a-token-of-the-power-loss-proof';
/** One in so many operations is a command that a real runner runs. */
const PER_RESULT = 10;

export interface PowerLossOptions {
  /** The root of the product: `PRODUCT`, or a broken copy. */
  product: string;
  /** Requests to the Task API, at least; a runner's are not counted. */
  operations: number;
  /** Ends it early: it rejects. */
  signal?: AbortSignal;
}

/** Needs strace, see `straceProblem`. Leaves no process and no folder behind. */
export async function powerLoss(options: PowerLossOptions): Promise<Verdict> {
  const root = mkdtempSync(join(tmpdir(), 'openclaw-runner-power-loss-'));
  const processes: ChildProcess[] = [];
  try {
    return await prove(options, root, processes);
  } finally {
    await Promise.all(processes.map((child) => endTraced(child, 'SIGKILL')));
    rmSync(root, { recursive: true, force: true });
  }
}

async function prove(options: PowerLossOptions, root: string, processes: ChildProcess[]): Promise<Verdict> {
  const { product, operations, signal } = options;
  const [apiTrace, runnerTrace] = [join(root, 'task-api.trace'), join(root, 'runner.trace')];
  const start = (subcommand: string, env: Record<string, string>, trace: string) => {
    const child = spawnTraced([join(product, 'bin/openclaw-runner.mjs'), subcommand], env, trace);
    processes.push(child);
    signal?.addEventListener('abort', () => child.kill('SIGKILL'));
    return child;
  };
  const api = start('task-api', environmentIn(root, 'api'), apiTrace);
  const client = new Client(await urlOf(api), TOKEN);
  const runner = start('runner', environmentIn(root, 'runner', client.url), runnerTrace);
  runner.stdout.resume();
  await whileAlive([api, runner], runCommands(client, Math.ceil(operations / PER_RESULT)));
  await endTraced(runner, 'SIGTERM');
  await whileAlive([api], makeRounds(client, operations));
  await endTraced(api, 'SIGTERM');
  const acknowledged = await readAcknowledgements(apiTrace, root, client.operations);
  const delivered = await readDeliveries(runnerTrace, root);
  return judge(client.operations.length, acknowledged, delivered);
}

/** Rejects when one of them ends before the work does. */
async function whileAlive(children: readonly ChildProcess[], work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const ends = children.map(async (child) => {
    await once(child, 'exit', { signal: over.signal });
    throw new Error('the Task API or the runner ended before it was told to');
  });
  try {
    await Promise.race([work, ...ends]);
  } finally {
    over.abort();
    await Promise.allSettled(ends);
  }
}

function environmentIn(root: string, folder: string, url?: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: root,
    OPENCLAW_RUNNER_HOME: join(root, folder),
    WORKER_PORT: '0',
    WORKER_TOKEN: TOKEN,
    // Not the one that is made, whose durable writing would make the folder of the spool durable as well.
    RUNNER_ID: 'proof',
    RUNNER_SHELL: '/bin/sh',
    LOG_LEVEL: 'error',
    // Nobody listens there: callbacks stay owed.
    CALLBACK_API_BASE_URL: 'http://127.0.0.1:9',
    ...(url !== undefined && { WORKER_URL: url }),
  };
}

async function urlOf(api: ChildProcess & { stdout: Readable }): Promise<string> {
  for await (const line of createInterface({ input: api.stdout })) {
    const { msg, url } = JSON.parse(line);
    if (msg !== 'ready') continue;
    api.stdout.resume();
    return url;
  }
  throw new Error('the Task API ended before it was ready');
}

/** By the real runner, whose results go through its spool. */
async function runCommands(client: Client, count: number): Promise<void> {
  const run = async (index: number) => {
    const command = `echo run-${index}; exit ${index % 2}`;
    const { taskId } = await client.post(
      '/tasks',
      { command },
      { rowsOf: (answer) => [String(answer.taskId)] },
    );
    await client.get(`/tasks/${taskId}?wait=60000`);
  };
  await Promise.all(Array.from({ length: count }, (_, index) => run(index)));
}

function judge(operations: number, acknowledged: Acknowledgements, delivered: Deliveries): Verdict {
  const { violations: early, ...answers } = acknowledged;
  const { violations: late, ...results } = delivered;
  return { figures: { operations, ...answers, ...results }, violations: [...early, ...late] };
}
