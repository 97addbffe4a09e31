import { expect, test } from 'vitest';
import { taskkill } from '../../../src/workers/process-tree.ts';

// Not run on Windows itself: only the command line is checked here.
test('on Windows a tree of processes is ended by taskkill', () => {
  expect(taskkill(42)).toEqual({ file: 'taskkill', args: ['/PID', '42', '/T', '/F'] });
});
