import { MORE_CALLBACKS } from './callback-migrations.ts';
import { EVENT, EVENT_GROUPS, SHORTER_EVENTS } from './event-migrations.ts';
import { CHEAPER_INDEXES, FEWER_INDEXES } from './index-migrations.ts';

/** Numbered migrations, applied in order inside one transaction each; never edited after a release. */
export interface Migration {
  version: number;
  sql: string;
}

/**
 * Times `*_at` are epoch milliseconds and only printed. `retained_from` and `due_up` are milliseconds of the
 * database's own time in use (uptime.ts), which no clock jump and no outage moves.
 */
const TASKS = `
CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  session_id TEXT,
  session_key TEXT,
  callback TEXT,
  timeout_ms INTEGER,
  origin TEXT NOT NULL,
  dispatch_mode TEXT NOT NULL,
  response_mode TEXT NOT NULL,
  entrypoint TEXT,
  max_attempts INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  retry_backoff_ms INTEGER NOT NULL,
  lease_ms INTEGER,
  attempt INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  lease_id TEXT,
  runner_id TEXT,
  instance_id TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  ready_job INTEGER,
  due_up INTEGER,
  due_at INTEGER,
  retained_from INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  read_at INTEGER,
  -- Last, so that no other column is read past it: it may be megabytes.
  payload TEXT
) STRICT;

-- The line of each session key: its head is the first row.
CREATE INDEX tasks_line ON tasks (session_key, seq)
  WHERE session_key IS NOT NULL AND status IN ('pending', 'running');
-- At most one task of a key is ready or runs.
CREATE UNIQUE INDEX tasks_front ON tasks (session_key)
  WHERE session_key IS NOT NULL AND (status = 'running' OR ready_job IS NOT NULL);
CREATE UNIQUE INDEX tasks_lease ON tasks (lease_id)
  WHERE lease_id IS NOT NULL AND status IN ('pending', 'running');
CREATE INDEX tasks_due ON tasks (due_up) WHERE due_up IS NOT NULL;
-- What a list can be filtered by: one for each way to ask, so that no page reads past tasks that are not on it.
CREATE INDEX tasks_unfiltered ON tasks (seq) WHERE read_at IS NULL;
CREATE INDEX tasks_session ON tasks (session_key, seq) WHERE session_key IS NOT NULL AND read_at IS NULL;
CREATE INDEX tasks_status ON tasks (status, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_type ON tasks (type, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_queue ON tasks (queue, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_type_status ON tasks (type, status, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_queue_status ON tasks (queue, status, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_waiting ON tasks (retained_from) WHERE status = 'pending' AND ready_job IS NOT NULL;
CREATE INDEX tasks_unread ON tasks (retained_from)
  WHERE read_at IS NULL AND status IN ('completed', 'failed', 'cancelled');
CREATE INDEX tasks_read ON tasks (retained_from) WHERE read_at IS NOT NULL;

CREATE TABLE results (
  seq INTEGER PRIMARY KEY,
  stdout TEXT NOT NULL,
  stderr TEXT NOT NULL,
  exit_code INTEGER NOT NULL,
  error TEXT NOT NULL,
  metadata TEXT NOT NULL
) STRICT;
`;

const SESSIONS = `
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  cli_type TEXT NOT NULL,
  callback_channel TEXT,
  task_count INTEGER NOT NULL,
  last_activity INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  retained_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_recent ON sessions (last_activity);
CREATE INDEX sessions_of_cli ON sessions (cli_type, last_activity);
CREATE INDEX sessions_idle ON sessions (retained_from);

-- Which runner has the files of an AI CLI's session.
CREATE TABLE bindings (
  session_key TEXT PRIMARY KEY,
  runner_id TEXT NOT NULL,
  -- The lease that made it, until a later claim has confirmed it.
  made_by TEXT,
  retained_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bindings_idle ON bindings (retained_from);

-- The starts of each runner; all but the newest are superseded.
CREATE TABLE instances (
  runner_id TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  superseded INTEGER NOT NULL DEFAULT 0,
  retained_from INTEGER NOT NULL,
  PRIMARY KEY (runner_id, instance_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX instances_idle ON instances (retained_from);
`;

const CALLBACKS = `
-- The outbox. A stream is a destination; only its head (the first pending row) is ever sent.
CREATE TABLE callbacks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  task_id TEXT NOT NULL,
  stream TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  token TEXT,
  text TEXT NOT NULL,
  status TEXT NOT NULL,
  head INTEGER NOT NULL,
  chunks_sent INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  due_up INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX callbacks_due ON callbacks (due_up) WHERE head = 1 AND status = 'pending';
CREATE INDEX callbacks_stream ON callbacks (stream, seq) WHERE status = 'pending';
`;

const BOOKS = `
-- Events in the transaction of the change that they record, until the copier moves them to the event file.
CREATE TABLE event_tail (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  ${EVENT}
) STRICT;

-- What was answered to submissions with an Idempotency-Key.
CREATE TABLE idempotency (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  route TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  receipt TEXT NOT NULL,
  retained_from INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (retained_from);

-- Every count that a request shows.
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** On the scale of uptime; what was owed before is taken as owed since it was last due. */
const CALLBACK_AGE = `
ALTER TABLE callbacks ADD COLUMN owed_up INTEGER NOT NULL DEFAULT 0;
UPDATE callbacks SET owed_up = due_up;
`;

/**
 * A time of the wall clock, and tags. `payload` moves behind them: it stays last. `task_tags` has the unread tasks by
 * their tags, for lists; triggers keep it in step, so that no arrow of a task can forget it.
 */
const TIMES_AND_TAGS = `
ALTER TABLE tasks RENAME COLUMN payload TO old_payload;
ALTER TABLE tasks ADD COLUMN due_wall INTEGER;
ALTER TABLE tasks ADD COLUMN tags TEXT;
ALTER TABLE tasks ADD COLUMN payload TEXT;
UPDATE tasks SET payload = old_payload, old_payload = NULL;
ALTER TABLE tasks DROP COLUMN old_payload;
CREATE INDEX tasks_due_wall ON tasks (due_wall) WHERE due_wall IS NOT NULL;

CREATE TABLE task_tags (
  tag TEXT NOT NULL,
  task_seq INTEGER NOT NULL,
  -- Its task's, for lists of both.
  task_status TEXT NOT NULL,
  PRIMARY KEY (tag, task_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_tags_status ON task_tags (tag, task_status, task_seq);
CREATE INDEX task_tags_task ON task_tags (task_seq);

CREATE TRIGGER tagged_task_moved AFTER UPDATE OF status ON tasks WHEN new.tags IS NOT NULL BEGIN
  UPDATE task_tags SET task_status = new.status WHERE task_seq = new.seq;
END;
CREATE TRIGGER tagged_task_read AFTER UPDATE OF read_at ON tasks WHEN new.tags IS NOT NULL BEGIN
  DELETE FROM task_tags WHERE task_seq = new.seq;
END;
CREATE TRIGGER tagged_task_deleted AFTER DELETE ON tasks WHEN old.tags IS NOT NULL BEGIN
  DELETE FROM task_tags WHERE task_seq = old.seq;
END;
`;

/** Whether `runner.connected` was said last of an instance, or `runner.lost`. Written when that changes, by no heartbeat. */
const CONNECTIONS = `
ALTER TABLE instances ADD COLUMN connected INTEGER NOT NULL DEFAULT 0;
CREATE INDEX instances_current ON instances (connected, retained_from) WHERE superseded = 0;
`;

const SCHEDULES = `
CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  overlap TEXT NOT NULL,
  missed TEXT NOT NULL,
  paused INTEGER NOT NULL,
  -- Of the wall clock. Each occurrence comes after the last that has passed: none passes twice.
  last_occurrence INTEGER,
  next_at INTEGER CHECK (next_at > last_occurrence),
  last_run_at INTEGER,
  last_task_id TEXT,
  created_at INTEGER NOT NULL,
  -- As the client sent it, and as it is submitted.
  task TEXT NOT NULL,
  template TEXT NOT NULL
) STRICT;

ALTER TABLE tasks ADD COLUMN schedule_id TEXT;
CREATE INDEX tasks_of_schedule ON tasks (schedule_id, seq)
  WHERE schedule_id IS NOT NULL AND status IN ('pending', 'running');
`;

/** `ends_at`: bytes of the task's output up to the end of the chunk. Rows of at most some 64 KiB, so they have a rowid. */
const OUTPUT = `
CREATE TABLE output (
  id INTEGER PRIMARY KEY,
  task_seq INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  chunk TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX output_of_task ON output (task_seq, ends_at);
`;

/** For the list of a schedule's tasks. */
const SCHEDULED = `
CREATE INDEX tasks_scheduled ON tasks (schedule_id, seq) WHERE schedule_id IS NOT NULL AND read_at IS NULL;
`;

/** What the conversations of AI CLIs have cost, in millionths of a dollar, whether or not they have a budget. */
const BUDGETS = `
CREATE TABLE budgets (
  session_key TEXT PRIMARY KEY,
  budget INTEGER,
  spent INTEGER NOT NULL,
  retained_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_idle ON budgets (retained_from);
`;

export const MAIN_MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: TASKS + SESSIONS + CALLBACKS + BOOKS },
  { version: 2, sql: CALLBACK_AGE },
  { version: 3, sql: TIMES_AND_TAGS },
  { version: 4, sql: SCHEDULES },
  { version: 5, sql: CONNECTIONS },
  { version: 6, sql: SCHEDULED },
  { version: 7, sql: OUTPUT },
  { version: 8, sql: BUDGETS },
  { version: 9, sql: FEWER_INDEXES },
  { version: 10, sql: EVENT_GROUPS },
  { version: 11, sql: CHEAPER_INDEXES },
  { version: 12, sql: MORE_CALLBACKS },
  { version: 13, sql: SHORTER_EVENTS },
];
