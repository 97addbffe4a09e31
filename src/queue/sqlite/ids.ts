import { randomUUID } from 'node:crypto';

/**
 * A UUID (version 4 by its form) that begins with the time, so that the ids of one commit stand side by side in their
 * index: a random one changes a page of its own for each task, 4 KiB to write twice. 74 bits are random.
 */
export function orderedId(wall: number): string {
  const time = Math.max(0, Math.floor(wall)).toString(16).padStart(12, '0').slice(-12);
  return `${time.slice(0, 8)}-${time.slice(8)}${randomUUID().slice(13)}`;
}
