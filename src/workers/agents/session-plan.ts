import type { Provider, SessionFile, SessionStart } from './provider.ts';
import type { SessionCache } from './session-cache.ts';
import { UUID_PATTERN } from './session-files.ts';

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
  provider: Provider,
  cache: SessionCache,
  asked: string,
): Promise<SessionStart> {
  const known = cache.find(provider.type, asked);
  if (known?.answered) return { resume: true, id: known.sessionId, answered: true };
  const file = await findSession(provider, known?.sessionId ?? asked);
  if (file !== undefined) return { resume: true, id: file.id, answered: known === undefined };
  return { resume: false, id: UUID.test(asked) ? asked : null };
}

async function findSession(provider: Provider, id: string): Promise<SessionFile | undefined> {
  if (!PREFIX.test(id)) return undefined;
  const files = await provider.findSessions(id);
  const matches = id.length < FULL_ID_LENGTH ? files : files.filter((file) => file.id === id);
  return matches.sort((a, b) => b.modifiedAt - a.modifiedAt)[0];
}
