import type { AgentPayload } from '../../http/contract/payload.ts';
import type { ExecutionContext } from '../executor.ts';
import type { Workplace } from '../executors/workplace.ts';
import type { ProcessOutcome } from '../process.ts';
import type { AgentTask, Provider, SessionStart } from './provider.ts';
import type { SessionCache } from './session-cache.ts';
import type { CliSettings } from './settings.ts';
import { Transcript } from './transcript.ts';
import { addEvent, newTurn, type Turn } from './turn.ts';
import { Watchdog } from './watchdog.ts';

/** An AI CLI as it is set up on this machine. */
export interface Cli {
  provider: Provider;
  settings: CliSettings;
  /** Where it keeps its sessions. */
  sessionFolder: string;
  /** What is its own, and what it writes though tasks may not. */
  own: readonly string[];
}

/** A task on its way through a CLI. */
export interface AgentAttempt {
  cli: Cli;
  task: AgentPayload;
  session: SessionStart;
  cache: SessionCache;
  context: ExecutionContext;
  place: Workplace;
  /** The working directory. */
  cwd: string;
  /** Milliseconds without output after which it counts as hung; 0: never. */
  idleMs: number;
  /** The CLI has named the session that it is in: nobody else is to go on in that one meanwhile. */
  onNamed: (sessionId: string) => void;
}

/** One process of a CLI: what it said, and how it ended. */
export interface AgentRun {
  /** The models that it was given, the wanted one first. */
  models: readonly string[];
  turn: Turn;
  outcome: ProcessOutcome;
  /** Why it was ended by what it did or did not say; null when it was not. */
  cut: Cut | null;
}

/** It said nothing for too long, or took up another session than it should. */
export type Cut = 'idle' | 'strayed';

/** An AI CLI without its API is of no use: it gets through the proxy that its owner gets through. */
const NETWORK_ENVIRONMENT = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];

/** Starts the CLI once and reads it to its end. */
export async function runAgent(
  attempt: AgentAttempt,
  models: readonly string[],
  timeoutMs: number,
): Promise<AgentRun> {
  const { cli, session, context, place, cwd, idleMs } = attempt;
  const { provider, settings } = cli;
  const turn = newTurn();
  const transcript = new Transcript((text) => context.print('transcript', text));
  const cutting = new AbortController();
  const cut = (why: Cut) => cutting.abort(why);
  const watchdog = new Watchdog(context.clock, idleMs, () => cut('idle'));
  const outcome = await context.run({
    file: settings.path,
    ...provider.invocation(agentTask(attempt, models), session),
    ...(place.folder ? { folder: place.folder } : { cwd }),
    env: { ...context.environment([...NETWORK_ENVIRONMENT, ...provider.environment]), ...place.env },
    own: cli.own,
    timeoutMs,
    stop: cutting.signal,
    onOutput: () => watchdog.heard(),
    onStdoutLine: (line) => hear(attempt, { turn, transcript, cut }, line),
  });
  watchdog.end();
  transcript.end();
  if (turn.end?.error === null) remember(attempt, turn, true);
  return { models, turn, outcome, cut: outcome.aborted ? (cutting.signal.reason ?? null) : null };
}

function agentTask({ cli, task, cwd }: AgentAttempt, models: readonly string[]): AgentTask {
  const { mode, replyHint } = cli.settings;
  const { maxBudgetUsd, maxTurns } = task;
  return {
    prompt: replyHint === null ? task.prompt : `${replyHint}\n\n${task.prompt}`,
    models,
    cwd,
    mode,
    ...(maxBudgetUsd !== undefined && { maxBudgetUsd }),
    ...(maxTurns !== undefined && { maxTurns }),
  };
}

interface Listeners {
  turn: Turn;
  transcript: Transcript;
  cut: (why: Cut) => void;
}

/** A session is remembered when the CLI names it, not at its end: a run that is killed can be resumed. */
function hear(attempt: AgentAttempt, { turn, transcript, cut }: Listeners, line: string): void {
  const { cli, session } = attempt;
  for (const event of cli.provider.parse(line)) {
    addEvent(turn, event);
    transcript.add(event);
    if (event.kind !== 'session') continue;
    if (strayedFrom(session, turn)) cut('strayed');
    else remember(attempt, turn, session.resume && session.answered && turn.sessionId === session.id);
  }
}

function remember(attempt: AgentAttempt, turn: Turn, answered: boolean): void {
  const { cli, task, session, cache } = attempt;
  if (turn.sessionId === null || strayedFrom(session, turn)) return;
  attempt.onNamed(turn.sessionId);
  cache.record({
    type: cli.provider.type,
    sessionId: turn.sessionId,
    taskApiId: task.sessionId,
    callbackChannel: task.callbackChannel,
    answered,
  });
}

/** Whether a CLI took up another session than the one to be resumed: codex does so, silently, with an id that it can't read. */
export function strayedFrom(session: SessionStart, turn: Turn): boolean {
  return session.resume && turn.takenUp !== null && turn.takenUp !== session.id;
}
