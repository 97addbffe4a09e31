import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Counters } from './counters.ts';
import type { Db } from './database.ts';
import type { EventTail } from './event-tail.ts';
import type { FreshResults } from './fresh-results.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Leases } from './leases.ts';
import type { QueueOptions } from './open.ts';
import type { Parking } from './parking.ts';
import type { ReadyList } from './ready-list.ts';
import type { Storage } from './storage.ts';
import type { Tags } from './tags.ts';
import type { Uptime } from './uptime.ts';

/** What the operations of this engine share: one connection, and the state in memory beside it. */
export interface Core {
  db: Db;
  storage: Storage;
  clock: Clock;
  uptime: Uptime;
  log: Log;
  options: QueueOptions;
  commit: GroupCommit;
  counters: Counters;
  ready: ReadyList;
  tags: Tags;
  tail: EventTail;
  leases: Leases;
  parking: Parking;
  fresh: FreshResults;
}
