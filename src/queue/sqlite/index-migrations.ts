/**
 * One index for lists in place of six, one for what has ended in place of two, and none where a task is ready or runs:
 * indexes were more than half of what a task's life cost (2,240 → 4,100 tasks a second). `read_up` is the uptime at which
 * the result was read; only of tasks that have no payload any more, so nothing is read past one. What the triggers did,
 * tags.ts does.
 */
export const FEWER_INDEXES = `
DROP INDEX tasks_unfiltered;
DROP INDEX tasks_status;
DROP INDEX tasks_type;
DROP INDEX tasks_queue;
DROP INDEX tasks_type_status;
DROP INDEX tasks_queue_status;
DROP INDEX tasks_waiting;
DROP INDEX tasks_unread;
DROP INDEX tasks_read;
DROP INDEX tasks_lease;
CREATE INDEX tasks_listed ON tasks (status, queue, type, seq) WHERE read_at IS NULL;
CREATE INDEX tasks_ended ON tasks (retained_from) WHERE status IN ('completed', 'failed', 'cancelled');
-- Leases that were lost, whose holders may come back; memory knows those in force.
CREATE UNIQUE INDEX tasks_lost ON tasks (lease_id) WHERE lease_id IS NOT NULL AND status = 'pending';
ALTER TABLE tasks ADD COLUMN read_up INTEGER;
DROP TRIGGER tagged_task_moved;
DROP TRIGGER tagged_task_read;
DROP TRIGGER tagged_task_deleted;
`;

/**
 * For `IN` with three values SQLite makes a table at each change of a task: a third of the time of all of them. Sessions are
 * listed by the uptime of their last use, which orders them as the time does, and has an index anyway.
 */
export const CHEAPER_INDEXES = `
DROP INDEX tasks_ended;
CREATE INDEX tasks_ended ON tasks (retained_from) WHERE status NOT IN ('pending', 'running');
DROP INDEX sessions_recent;
DROP INDEX sessions_of_cli;
CREATE INDEX sessions_of_cli ON sessions (cli_type, retained_from);
`;
