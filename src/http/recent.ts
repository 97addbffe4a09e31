import { type Handler, parse } from './call.ts';
import { type RecentSessions, recentQuery } from './contract/recent.ts';
import type { RouteDeps } from './deps.ts';

/** The newest conversations in the session folders that the AI CLIs keep on this host. */
export function recentHandlers({ recentSessions }: RouteDeps) {
  const { claude, codex, gemini } = recentSessions;
  // As the older system did: Codex without a folder has no sessions, and no error.
  return { claude: listing(claude), codex: listing(codex, { isQuiet: true }), gemini: listing(gemini) };
}

function listing(recent: RecentSessions, { isQuiet } = { isQuiet: false }): Handler {
  return async ({ query }) => {
    const { limit } = parse(recentQuery, query);
    try {
      return { sessions: await recent(limit) };
    } catch (error) {
      return { sessions: [], ...(!isQuiet && { error: (error as Error).message }) };
    }
  };
}
