import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { CallbackKind, CliName, TaskQueue } from '../queue/index.ts';
import type { RecentSessions } from './contract/recent.ts';

/** What the HTTP face is handed by the service. */
export interface HttpDeps {
  queue: TaskQueue;
  /** The Task API's token; only its SHA-256 is kept. */
  token: string;
  clock: Clock;
  log: Log;
  sealSecret: (plain: string) => string;
  /** Throws when the text was sealed with another key. */
  openSecret: (sealed: string) => string;
  /** The kind of callback that a `callbackChannel` means: `discord` unless configured otherwise. */
  callbackKind: CallbackKind;
  /** `runner`: an older runner is handed channel and bot token, and sends the callback itself. */
  callbackDelivery: 'api' | 'runner';
  /** `AppError`: `upstream_failed`, `invalid_field`, or `internal` without a bot token. */
  notify: (channel: string, message: string) => Promise<void>;
  recentSessions: Readonly<Record<CliName, RecentSessions>>;
  /** Aborted when the service stops: whoever waits is answered at once with what there is. */
  stopping: AbortSignal;
}

/** What the handlers get: everything but the token. */
export type RouteDeps = Omit<HttpDeps, 'token'>;
