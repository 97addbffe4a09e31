import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/** More than one child takes at its start: pipes, /dev/null, and what libuv uses in between. */
const ROOM = 16;

/**
 * Throws EMFILE or ENFILE where there are not enough file descriptors for another child. Node finds out half-way, and
 * never closes those that it has opened by then (v24.21): with each try a runner at its limit would have fewer.
 */
export function assertRoom(): void {
  const taken: number[] = [];
  try {
    while (taken.length < ROOM) taken.push(openSync(devNull, 'r'));
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}
