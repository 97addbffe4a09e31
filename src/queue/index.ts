/** The only door of the queue room. */
export * from './events.ts';
export { type EndedTask, openQueue, type QueueOptions } from './sqlite/open.ts';
export * from './task.ts';
export * from './task-queue.ts';
