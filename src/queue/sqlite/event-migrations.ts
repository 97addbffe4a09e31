import type { Migration } from './migrations.ts';

/** What an event has besides its `seq`. */
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

/**
 * The newest events, a row for each commit; the view `event_tail` shows them one by one to people. Those up to
 * `events_dropped` are gone, and their numbers are not given again.
 */
export const EVENT_GROUPS = `
CREATE TABLE event_groups (
  last_seq INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  retained_from INTEGER NOT NULL,
  events TEXT NOT NULL
) STRICT;
INSERT INTO event_groups (last_seq, first_seq, retained_from, events)
  SELECT seq, seq, retained_from, json_array(json_array(id, type, created_at, task_id, task_type, task_status,
    session_id, origin, dispatch_mode, response_mode, entrypoint, details)) FROM event_tail;
INSERT INTO meta (name, value)
  SELECT 'events_dropped', seq FROM sqlite_sequence
  WHERE name = 'event_tail' AND NOT EXISTS (SELECT 1 FROM event_tail);
DROP TABLE event_tail;
CREATE VIEW event_tail AS
  SELECT first_seq + key AS seq, value ->> 0 AS id, value ->> 1 AS type, value ->> 2 AS created_at,
    value ->> 3 AS task_id, value ->> 4 AS task_type, value ->> 5 AS task_status, value ->> 6 AS session_id,
    value ->> 7 AS origin, value ->> 8 AS dispatch_mode, value ->> 9 AS response_mode, value ->> 10 AS entrypoint,
    value ->> 11 AS details, retained_from
  FROM event_groups, json_each(events)
  WHERE first_seq + key > coalesce((SELECT value FROM meta WHERE name = 'events_dropped'), 0);
`;

/**
 * An event without what it has in common with others: an id of its own (`ids` of its group and its `seq` make one), and the
 * provenance of what names none. Those that are there keep theirs.
 */
export const SHORTER_EVENTS = `
DROP VIEW event_tail;
ALTER TABLE event_groups ADD COLUMN ids TEXT;
UPDATE event_groups SET events = (
  SELECT json_group_array(json_array(value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 11, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 0) ORDER BY key)
  FROM json_each(events));
CREATE VIEW event_tail AS
  SELECT first_seq + key AS seq, coalesce(value ->> 11, ids || printf('%012x', first_seq + key)) AS id,
    value ->> 0 AS type, value ->> 1 AS created_at, value ->> 2 AS task_id, value ->> 3 AS task_type,
    value ->> 4 AS task_status, value ->> 5 AS session_id, coalesce(value ->> 7, 'unknown') AS origin,
    coalesce(value ->> 8, 'unspecified') AS dispatch_mode, coalesce(value ->> 9, 'direct-callback') AS response_mode,
    value ->> 10 AS entrypoint, value ->> 6 AS details, retained_from
  FROM event_groups, json_each(events)
  WHERE first_seq + key > coalesce((SELECT value FROM meta WHERE name = 'events_dropped'), 0);
`;

export const EVENT_MIGRATIONS: readonly Migration[] = [{ version: 1, sql: EVENTS }];
