/** The AI CLIs of a runner with stand-ins (test/support/cli) as real processes, in a home folder of their own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { AgentPayload, PolledTask, Surroundings } from '../../src/http/contract/payload.ts';
import type { Log } from '../../src/log.ts';
import type { AgentType } from '../../src/queue/task.ts';
import { createAgents } from '../../src/workers/agents/agent-executor.ts';
import * as PROVIDERS from '../../src/workers/agents/clis.ts';
import type { AgentSettings, CliSettings } from '../../src/workers/agents/settings.ts';
import type { ExecutionContext } from '../../src/workers/executor.ts';
import { Mask } from '../../src/workers/mask.ts';
import { contextOf } from '../../src/workers/work.ts';
import { keptLog } from './log-lines.ts';
import { aPolicy } from './policy.ts';
import { tempFolder } from './temp-folder.ts';

type Changes = Partial<Omit<AgentSettings, 'clis'>> & { clis?: Record<string, Partial<CliSettings>> };

export function setUpAgents(changes: Changes = {}, env: NodeJS.ProcessEnv = {}) {
  const home = tempFolder();
  const { log, lines } = keptLog();
  const cacheFile = join(home, 'data', 'session-cache.json');
  const { clis = {}, ...others } = changes;
  const standIns = Object.values(PROVIDERS).map(({ label, mode }) => {
    const path = new URL(`./cli/${label}`, import.meta.url).pathname;
    return [label, { path, models: [], mode: mode.fallback, replyHint: null, ...clis[label] }];
  });
  const settings: AgentSettings = {
    workdir: home,
    maxTimeoutMs: 1_200_000,
    idleMs: 0,
    sessionCacheFile: cacheFile,
    sessionRetentionMs: 1_800_000,
    ...others,
    clis: Object.fromEntries(standIns),
  };
  const runnerEnv = { PATH: process.env.PATH, HOME: home, ...env };
  const start = () => {
    const { executors, recent } = createAgents(settings, { clock: systemClock, log, env: runnerEnv, home });
    const ask = (
      type: AgentType,
      task: Partial<AgentPayload & Surroundings>,
      context: Partial<ExecutionContext> = {},
    ) => {
      const lent = lentContext(type, { env: runnerEnv, log, ...context });
      return executors[type]!(polledTask(type, task), { ...lent, ...context });
    };
    return { ask, recent };
  };
  const cached = () => JSON.parse(readFileSync(cacheFile, 'utf8'));
  return { home, lines, cacheFile, cached, start: () => start().ask, ...start() };
}

/** What a runner without pauses, limits or secrets lends to the executor of one attempt. */
export function lentContext(
  type: AgentType,
  parts: { env: NodeJS.ProcessEnv; envPass?: string[]; log: Log; clock?: Clock; signal?: AbortSignal },
): ExecutionContext {
  const { signal = new AbortController().signal, env, envPass = [], log, clock = systemClock } = parts;
  return contextOf(
    { signal, leaseId: null, task: { type } },
    {
      clock,
      log,
      env,
      envPass,
      outputLimitBytes: 1_000_000,
      killGraceMs: 5_000,
      fitness: { tried: () => {}, isUnfitFor: () => false, problem: null },
      policy: aPolicy(),
      pauses: { heard: () => {}, has: () => false },
      mask: new Mask([]),
    },
    () => {},
  );
}

export function polledTask(type: AgentType, task: Partial<AgentPayload & Surroundings>): PolledTask {
  return {
    id: 'task-1',
    status: 'running',
    createdAt: 0,
    startedAt: 0,
    completedAt: null,
    type,
    prompt: 'hello',
    timeout: 120_000,
    sessionId: 'chat',
    callbackChannel: null,
    callbackBotToken: null,
    origin: 'test',
    dispatchMode: 'unspecified',
    responseMode: 'direct-callback',
    entrypoint: null,
    ...task,
  };
}

/** An executable that reads its stdin, prints these lines and ends with `code`, or by `signal`; it says its version when asked. */
export function scriptedCli(told: {
  lines: readonly unknown[];
  stderr?: string;
  code?: number;
  signal?: NodeJS.Signals | null;
}): string {
  const folder = tempFolder();
  const text = told.lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(join(folder, 'stdout'), text.map((line) => `${line}\n`).join(''));
  writeFileSync(join(folder, 'stderr'), told.stderr ?? '');
  const file = join(folder, 'cli');
  const script = [
    '#!/bin/sh',
    `cd ${folder}`,
    'if [ "$1" = --version ]; then echo "cli 4.5.6 (test)"; echo asked >> asked; exit 0; fi',
    'cat > stdin',
    'cat stdout; cat stderr >&2',
    told.signal ? `kill -s ${told.signal.slice('SIG'.length)} $$` : `exit ${told.code ?? 0}`,
  ];
  writeFileSync(file, script.join('\n'), { mode: 0o755 });
  return file;
}
