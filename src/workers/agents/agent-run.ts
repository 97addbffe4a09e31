import type { AgentPayload } from '../../http/contract/payload.ts';
import type { ExecutionContext } from '../executor.ts';
import type { ProcessOutcome } from '../process.ts';
import type { Provider, SessionStart } from './provider.ts';
import type { SessionCache } from './session-cache.ts';
import { addEvent, newTurn, type Turn } from './turn.ts';

/** A task on its way through a CLI. */
export interface AgentAttempt {
  provider: Provider;
  task: AgentPayload;
  session: SessionStart;
  cache: SessionCache;
  context: ExecutionContext;
  /** The working directory. */
  cwd: string;
}

/** One process of a CLI: what it said, and how it ended. */
export interface AgentRun {
  /** The models that it was given, the wanted one first. */
  models: readonly string[];
  turn: Turn;
  outcome: ProcessOutcome;
}

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
  const { provider, task, session, context, cwd } = attempt;
  const turn = newTurn();
  const { args, stdin } = provider.invocation({ prompt: task.prompt, models, cwd }, session);
  const outcome = await context.run({
    file: provider.file,
    args,
    stdin,
    cwd,
    env: context.environment([...NETWORK_ENVIRONMENT, ...provider.environment]),
    timeoutMs,
    onStdoutLine: (line) => hear(attempt, turn, line),
  });
  if (turn.end?.error === null) remember(attempt, turn, true);
  return { models, turn, outcome };
}

/** A session is remembered when the CLI names it, not at its end: a run that is killed can be resumed. */
function hear(attempt: AgentAttempt, turn: Turn, line: string): void {
  const event = attempt.provider.parse(line);
  if (event === null) return;
  addEvent(turn, event);
  const { session } = attempt;
  if (event.kind === 'session') remember(attempt, turn, session.resume && session.answered);
}

function remember(attempt: AgentAttempt, turn: Turn, answered: boolean): void {
  const { provider, task, session, cache } = attempt;
  if (turn.sessionId === null || strayedFrom(session, turn)) return;
  cache.record({
    type: provider.type,
    sessionId: turn.sessionId,
    taskApiId: task.sessionId,
    callbackChannel: task.callbackChannel,
    answered,
  });
}

/** Whether a CLI took up another session than the one to be resumed: codex does so, silently, with an id that it can't read. */
export function strayedFrom(session: SessionStart, turn: Turn): boolean {
  return session.resume && turn.sessionId !== null && turn.sessionId !== session.id;
}

/** Whether a CLI would not resume a session in which nothing was ever said: then nothing is lost by a new one. */
export function mayStartAnew(session: SessionStart, { turn, outcome }: AgentRun): boolean {
  if (!session.resume || session.answered || turn.sessionId !== null) return false;
  return outcome.exitCode > 0 && !outcome.aborted && !outcome.timedOut;
}
