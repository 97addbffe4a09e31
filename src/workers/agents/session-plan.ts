import type { AgentRun, Cli } from './agent-run.ts';
import type { Failure } from './failure.ts';
import type { SessionStart } from './provider.ts';
import type { SessionCache } from './session-cache.ts';
import { type FoundSession, findSession, UUID_PATTERN } from './session-files.ts';

/** A client's session id shorter than this is a prefix of a CLI's own. */
const FULL_ID_LENGTH = 32;
/** Names like `a` or `12` are names: as prefixes they would open somebody's old conversation. */
const PREFIX = /^[0-9a-f][0-9a-f-]{3,}$/;
const UUID = new RegExp(`^${UUID_PATTERN}$`);

/**
 * Whether a task continues a session, and which: always by id, never "the latest". A session that has answered
 * is resumed. One that was only named may have been killed before its file was written: the file decides, as it
 * does for sessions that were opened in a terminal. Any other id is the name of a new session.
 */
export async function planSession(
  cli: Cli,
  cache: SessionCache,
  { sessionId, cwd }: { sessionId: string; cwd: string },
): Promise<SessionStart> {
  const known = cache.find(cli.provider.type, sessionId);
  if (known?.answered) return { resume: true, id: known.sessionId, answered: true };
  const found = await find(cli, known?.sessionId ?? sessionId, cwd);
  if (found !== undefined) return { resume: true, id: found.id, answered: known === undefined };
  return { resume: false, id: UUID.test(sessionId) ? sessionId : null };
}

async function find(cli: Cli, id: string, cwd: string): Promise<FoundSession | undefined> {
  if (!PREFIX.test(id)) return undefined;
  const found = await findSession(cli.provider.sessions, cli.sessionFolder, { prefix: id, cwd });
  return id.length < FULL_ID_LENGTH || found?.id === id ? found : undefined;
}

/**
 * How to try once more when the CLI would not take the session as planned; null when there is no other way. Nothing is
 * lost by a new session in the place of one in which nothing was ever said; and one that is "already in use" was begun
 * by an attempt that nobody remembers.
 */
export function replan(
  session: SessionStart,
  { turn, outcome }: AgentRun,
  failure: Failure,
): SessionStart | null {
  if (turn.sessionId !== null || outcome.aborted || outcome.timedOut || outcome.spawnError !== null)
    return null;
  if (!session.resume) {
    const isTaken = session.id !== null && /session id .* already in use/i.test(failure.error);
    return isTaken && session.id !== null ? { resume: true, id: session.id, answered: false } : null;
  }
  const isRefused = failure.cause === 'unknown_session' || failure.cause === 'cli';
  return isRefused && !session.answered ? { resume: false, id: null } : null;
}
