import type { CliName } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { type RecentSession, recentQuery } from './contract/recent.ts';
import type { RouteDeps } from './deps.ts';
import type { RunnersRecent } from './runners-recent.ts';

/** The newest conversations in the session folders of the AI CLIs: on this host, else on those of the runners. */
export function recentHandlers({ recentSessions }: RouteDeps, runners: RunnersRecent) {
  return {
    of:
      (cli: CliName): Handler =>
      async ({ query }) => {
        const { limit } = parse(recentQuery, query);
        try {
          return { sessions: await recentSessions[cli](limit) };
        } catch (error) {
          return missing(cli, error as Error, runners.of(cli, limit));
        }
      },
  };
}

/** As the older system did: Codex without a folder has no sessions, and no error. */
function missing(cli: CliName, error: NodeJS.ErrnoException, told: RecentSession[] | null) {
  if (error.code === 'ENOENT' && told !== null) return { sessions: told };
  return { sessions: [], ...(cli !== 'codex' && { error: error.message }) };
}
