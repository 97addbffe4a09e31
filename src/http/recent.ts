import type { CliName } from '../queue/index.ts';
import { type Call, type Handler, parseQuery } from './call.ts';
import { recentQuery } from './contract/recent.ts';
import type { RouteDeps } from './deps.ts';
import { withPatience } from './patience.ts';
import type { RunnersRecent } from './runners-recent.ts';

/** Runners that are busy are heard of every 5 s. */
const PATIENCE_MS = 6_000;

/** The newest conversations in the session folders of the AI CLIs: on this host, else on those of the runners. */
export function recentHandlers(deps: RouteDeps, runners: RunnersRecent) {
  const told = (cli: CliName, limit: number, { response, peek }: Call) =>
    withPatience(deps, response, peek ? 0 : PATIENCE_MS, (patience) => runners.of(cli, limit, patience));
  const of =
    (cli: CliName): Handler =>
    async (call) => {
      const { limit } = parseQuery(recentQuery, call.search);
      try {
        return { sessions: await deps.recentSessions[cli](limit) };
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const sessions = code === 'ENOENT' ? await told(cli, limit, call) : null;
        // As the older system did: Codex without a folder has no sessions, and no error.
        return { sessions: sessions ?? [], ...(sessions === null && cli !== 'codex' && { error: message }) };
      }
    };
  return { of };
}
