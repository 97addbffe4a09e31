import { setImmediate as turns } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { TaskType } from '../../../src/queue/task.ts';
import { Slots } from '../../../src/workers/slots.ts';

/** Slots, and tasks in them that end when the test says so. */
function setUp(count: number, limits: Partial<Record<TaskType, number>> = {}) {
  const room: string[] = [];
  const slots = new Slots({
    count,
    types: ['command', 'claude-cli'],
    limitOf: (type) => limits[type],
    onRoom: () => room.push('room'),
  });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (type: TaskType, name: string) =>
    slots.run(type, () => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string) => {
    ends.get(name)?.();
    await turns();
  };
  return { slots, run, end, begun, room };
}

describe('slots without a limit to a type', () => {
  test('are as many as they are', async () => {
    const { slots, run, end, begun } = setUp(2);
    for (const name of ['a', 'b', 'c']) run('command', name);
    await turns();
    expect([begun, slots.free, slots.isFull('command')]).toEqual([['a', 'b'], 0, false]);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('b');
    expect(slots.free).toBe(1);
  });
});

describe('a type that has a limit', () => {
  test('has no more of its tasks at once, and holds up none of another type', async () => {
    const { slots, run, end, begun, room } = setUp(3, { 'claude-cli': 1 });
    for (const name of ['a', 'b', 'c', 'd']) run('claude-cli', name);
    run('command', 'other');
    await turns();
    expect([begun, slots.free, slots.isFull('claude-cli')]).toEqual([['a', 'other'], 1, true]);
    await end('a');
    expect([begun, room]).toEqual([['a', 'other', 'b'], []]);
    for (const name of ['b', 'c', 'd']) await end(name);
    expect([begun, room, slots.isFull('claude-cli')]).toEqual([
      ['a', 'other', 'b', 'c', 'd'],
      ['room'],
      false,
    ]);
  });

  test('leaves no slot free when every other type is full as well', async () => {
    const { slots, run, end } = setUp(5, { command: 1, 'claude-cli': 1 });
    run('command', 'a');
    expect(slots.free).toBe(4);
    run('claude-cli', 'b');
    expect(slots.free).toBe(0);
    let isFree = false;
    const waited = slots.untilFree(new AbortController().signal).then(() => {
      isFree = true;
    });
    await turns();
    expect(isFree).toBe(false);
    await end('b');
    await waited;
    expect(slots.free).toBe(4);
  });

  test('lets all that wait begin when there is no more to wait for', async () => {
    const { slots, run, end, begun } = setUp(1, { command: 1 });
    for (const name of ['a', 'b', 'c']) run('command', name);
    await turns();
    expect(begun).toEqual(['a']);
    slots.open();
    await turns();
    expect(begun).toEqual(['a', 'b', 'c']);
    let isIdle = false;
    const idle = slots.untilIdle().then(() => {
      isIdle = true;
    });
    for (const name of ['a', 'b']) await end(name);
    expect(isIdle).toBe(false);
    await end('c');
    await idle;
  });

  test('stops waiting for a slot when nobody wants it any more', async () => {
    const { slots, run } = setUp(1);
    run('command', 'a');
    const over = new AbortController();
    const waited = slots.untilFree(over.signal);
    over.abort();
    await waited;
  });
});
