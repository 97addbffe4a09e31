import type { CliName } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { recentQuery } from './contract/recent.ts';
import type { RouteDeps } from './deps.ts';

/** The newest conversations in the session folders that the AI CLIs keep on this host. */
export function recentHandlers({ recentSessions }: RouteDeps) {
  return {
    of:
      (cli: CliName): Handler =>
      async ({ query }) => {
        const { limit } = parse(recentQuery, query);
        try {
          return { sessions: await recentSessions[cli](limit) };
        } catch (error) {
          // As the older system did: Codex without a folder has no sessions, and no error.
          return { sessions: [], ...(cli !== 'codex' && { error: (error as Error).message }) };
        }
      },
  };
}
