/** The only door of the queue room. */
export * from './events.ts';
export * from './output.ts';
export * from './runners.ts';
export * from './schedules.ts';
export { backUp, type QueueFiles } from './sqlite/backup.ts';
export { type EndedTask, openQueue, type QueueOptions } from './sqlite/open.ts';
export { restore } from './sqlite/restore.ts';
export * from './task.ts';
export * from './task-queue.ts';
