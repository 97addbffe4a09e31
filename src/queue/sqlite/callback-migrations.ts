/**
 * Callbacks of more kinds, told by lanes; what was refused is paused, what is dead can be replayed. Of a message of the
 * version before nobody knows of which moment it tells: it has ended, most likely well.
 */
export const MORE_CALLBACKS = `
DROP INDEX callbacks_due;
DROP INDEX callbacks_stream;
ALTER TABLE callbacks ADD COLUMN task_type TEXT NOT NULL DEFAULT 'claude-cli';
ALTER TABLE callbacks ADD COLUMN moment TEXT NOT NULL DEFAULT 'completed';
ALTER TABLE callbacks ADD COLUMN thread_id TEXT;
-- What shares the capacity of one far server.
ALTER TABLE callbacks ADD COLUMN lane TEXT NOT NULL DEFAULT 'discord';
ALTER TABLE callbacks ADD COLUMN chunks INTEGER NOT NULL DEFAULT 1;
-- The hook that goes first has refused it.
ALTER TABLE callbacks ADD COLUMN fell_back INTEGER NOT NULL DEFAULT 0;
-- Of a paused message the key of what it waits for.
ALTER TABLE callbacks ADD COLUMN pause TEXT;
UPDATE callbacks SET stream = json_array(kind, target, NULL, token), lane = kind,
  task_type = coalesce((SELECT type FROM tasks WHERE tasks.id = task_id), 'claude-cli');
CREATE INDEX callbacks_due ON callbacks (lane, due_up) WHERE head = 1 AND status = 'pending';
CREATE INDEX callbacks_stream ON callbacks (stream, seq) WHERE status <> 'dead';
CREATE INDEX callbacks_paused ON callbacks (pause, seq) WHERE status = 'paused';
CREATE INDEX callbacks_dead ON callbacks (due_up) WHERE status = 'dead';
CREATE INDEX callbacks_listed ON callbacks (status, seq);
CREATE INDEX callbacks_of_task ON callbacks (task_id, seq);

-- Credentials (without a target) and destinations that were refused. \`lifted\`: they work again, and let go what waits.
CREATE TABLE callback_pauses (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  target TEXT,
  error TEXT NOT NULL,
  probe_up INTEGER NOT NULL,
  since INTEGER NOT NULL,
  lifted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
`;
