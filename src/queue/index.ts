/** The only door of the queue room. */

export * from '../destination.ts';
export * from './callbacks.ts';
export * from './events.ts';
export * from './output.ts';
export * from './runners.ts';
export * from './schedules.ts';
export { backUp, type QueueFiles } from './sqlite/backup.ts';
export { openQueue, type QueueOptions } from './sqlite/open.ts';
export { restore } from './sqlite/restore.ts';
export * from './task.ts';
export * from './task-queue.ts';
