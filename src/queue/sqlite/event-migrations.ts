import type { Migration } from './migrations.ts';

/** What an event has besides its `seq`: the same in the tail and in the event file. */
export const EVENT = `
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  task_id TEXT,
  task_type TEXT,
  task_status TEXT,
  session_id TEXT,
  origin TEXT NOT NULL,
  dispatch_mode TEXT NOT NULL,
  response_mode TEXT NOT NULL,
  entrypoint TEXT,
  details TEXT NOT NULL,
  retained_from INTEGER NOT NULL`;

const EVENTS = `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  ${EVENT}
) STRICT;
CREATE INDEX events_task ON events (task_id, seq);
CREATE INDEX events_type ON events (type, seq);

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

export const EVENT_MIGRATIONS: readonly Migration[] = [{ version: 1, sql: EVENTS }];
