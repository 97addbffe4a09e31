/** Composes the control plane out of the rooms: the Task API. It knows the runner (runner-service.ts) by HTTP only. */
import { homedir } from 'node:os';
import { createComposer } from './callbacks/compose.ts';
import { createNotify } from './callbacks/notify.ts';
import { createDestinations, type Destinations } from './callbacks/sinks/index.ts';
import { type Clock, pause } from './clock.ts';
import type { TaskApiConfig } from './config.ts';
import { createApp, loadRouting } from './http/app.ts';
import type { RecentSessions } from './http/contract/recent.ts';
import { listen } from './listen.ts';
import type { Log } from './log.ts';
import { CLI_NAMES, type CliName, openQueue, type TaskQueue } from './queue/index.ts';
import { keyFileOf, openSecretBox, type SecretBox } from './secrets.ts';
import type { Provider } from './workers/agents/provider.ts';

/** What every part is lent. */
export interface Surroundings {
  clock: Clock;
  log: Log;
}

export interface TaskApi {
  readonly url: string;
  /** Answers who waits, lets requests and callbacks in flight finish (until `hurry` aborts), closes the files. */
  close(hurry: AbortSignal): Promise<void>;
}

/** For whoever has waited for the server to listen: Node loads modules without a look at its connections. */
const BREATH_MS = 50;

interface Stores {
  queue: TaskQueue;
  destinations: Destinations;
  secrets: SecretBox;
}

/** Serves from the moment it resolves. `StartError` when it can't: nothing is left open then. */
export async function startTaskApi(
  config: TaskApiConfig & { token: string },
  lent: Surroundings,
): Promise<TaskApi> {
  const destinations = createDestinations(config, lent.clock);
  const composeCallback = createComposer({ capacities: destinations.sinks, wakes: destinations.wakes });
  const queue = await openQueue({ ...config, ...lent, composeCallback });
  try {
    const secrets = openSecretBox({ keyFile: keyFileOf(config.taskDb), key: config.secretKey });
    return await serve(config, lent, { queue, destinations, secrets });
  } catch (error) {
    await queue.close();
    throw error;
  }
}

/** Listens before it loads most of the code: `/health` is answered in half the time, and requests for more wait. */
async function serve(
  config: TaskApiConfig & { token: string },
  lent: Surroundings,
  stores: Stores,
): Promise<TaskApi> {
  const stopping = new AbortController();
  const app = createHttpFace(config, lent, { ...stores, stopping: stopping.signal });
  const listener = await listen(app.callback(), { ...config, ...lent });
  try {
    await pause(lent.clock, BREATH_MS);
    await loadRouting();
    const { startDuties } = await import('./duties.ts');
    const { queue, destinations, secrets } = stores;
    const { outbox, upkeep, schedules } = queue;
    const { sinks, hookFirst } = destinations;
    const duties = startDuties({ ...lent, outbox, upkeep, schedules, sinks, hookFirst, secrets });
    return {
      url: listener.url,
      async close(hurry) {
        stopping.abort();
        await Promise.all([listener.close(hurry), duties.stop()]);
        await destinations.close();
        await queue.close();
      },
    };
  } catch (error) {
    await listener.close(AbortSignal.abort());
    throw error;
  }
}

function createHttpFace(
  config: TaskApiConfig & { token: string },
  lent: Surroundings,
  { queue, destinations, secrets, stopping }: Stores & { stopping: AbortSignal },
) {
  return createApp({
    ...config,
    ...lent,
    queue,
    stopping,
    recentSessions: recentOf(config, lent),
    sealSecret: (plain) => secrets.seal(plain),
    openSecret: (sealed) => secrets.open(sealed),
    notify: createNotify(destinations.discord),
  });
}

/** Of the folders on this host. What reads them is a part of the runner, so it is loaded when somebody asks. */
function recentOf(config: TaskApiConfig, lent: Surroundings) {
  let readers: ReturnType<typeof readersOf> | undefined;
  const of = (name: CliName): RecentSessions => {
    return async (limit) => {
      readers ??= readersOf(config, lent);
      return (await readers)[name](limit);
    };
  };
  return Object.fromEntries(CLI_NAMES.map((name) => [name, of(name)])) as Record<CliName, RecentSessions>;
}

async function readersOf(config: TaskApiConfig, { clock }: Surroundings) {
  const { recentSessions } = await import('./workers/agents/recent.ts');
  const readers = Object.values(await import('./workers/agents/clis.ts')).map(
    ({ label, sessions }: Provider) => {
      const folder = config.sessionFolders[label] ?? sessions.folder(process.env, homedir());
      return [label, recentSessions(sessions, folder, clock)];
    },
  );
  return Object.fromEntries(readers) as Record<CliName, RecentSessions>;
}
