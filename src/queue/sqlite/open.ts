import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { NewMessage, TaskNews } from '../callbacks.ts';
import type { TaskQueue } from '../task-queue.ts';
import { type Db, explained, type HeldFile, holdFile } from './database.ts';
import { SqliteQueue } from './engine.ts';
import { EventFile } from './event-file.ts';
import { EventGroups } from './event-groups.ts';
import { EVENT_FILE, type FileKind, TASK_FILE, toStartError } from './inspect.ts';
import { SideThread } from './side-thread.ts';

export interface QueueOptions {
  /** SQLite file of tasks, results, sessions, callbacks; its lock is `<taskDb>.lock`. */
  taskDb: string;
  /** SQLite file of the events; its lock is `<eventDb>.lock`. */
  eventDb: string;
  clock: Clock;
  log: Log;
  /** Lease of an attempt whose task asks for none. */
  leaseMs: number;
  taskRetentionMs: number;
  resultRetentionMs: number;
  sessionRetentionMs: number;
  eventRetentionDays: number;
  maxEvents: number;
  /** With so many tasks pending, submissions are refused. */
  maxPending: number;
  /** `runner`: older runners send the callbacks of their attempts where they can, so none is owed for those. */
  callbackDelivery: 'api' | 'runner';
  /** The messages that are owed of what has come of a task. Pure: it runs inside the transaction. */
  composeCallback: (news: TaskNews) => readonly NewMessage[];
}

/** Opens or creates the database files. `StartError` when it can't: in use, not ours, newer, damaged, unusable. */
export async function openQueue(options: QueueOptions): Promise<TaskQueue> {
  const held: HeldFile[] = [];
  const hold = (path: string, kind: FileKind) => {
    const file = holdFile(path, kind);
    held.push(file);
    return file;
  };
  try {
    // Both are looked at before one of them is written to.
    const [heldMain, heldEvents] = [hold(options.taskDb, TASK_FILE), hold(options.eventDb, EVENT_FILE)];
    const main = heldMain.open();
    const side = new SideThread(options);
    const eventFile = explained(
      () => new EventFile(heldEvents.open(), side, options.log),
      options.eventDb,
      EVENT_FILE,
    );
    continueSequence(main.db, eventFile.lastSeq);
    const queue = new SqliteQueue(options, { main, events: eventFile, side });
    await queue.recover();
    return queue;
  } catch (error) {
    for (const file of held.toReversed()) file.close();
    throw toStartError(error, options.taskDb, TASK_FILE);
  }
}

/** Where the task file is new and the event file is not, its events must not take numbers that are used already. */
function continueSequence(db: Db, lastSeq: number): void {
  const groups = new EventGroups(db);
  if (groups.lastSeq < lastSeq) groups.skipTo(lastSeq);
}
