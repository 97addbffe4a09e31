import { expect, it } from 'vitest';
import { SessionLocks } from '../../../../src/workers/agents/session-locks.ts';

/** Work that ends when the test says so, and tells when it began. */
function controlled(story: string[], name: string) {
  const gate = Promise.withResolvers<void>();
  const work = async () => {
    story.push(`${name} begins`);
    await gate.promise;
    story.push(`${name} ends`);
    return name;
  };
  return { work, finish: gate.resolve, fail: gate.reject };
}

it('runs the work of one session in the order of its arrival, never two at once', async () => {
  const locks = new SessionLocks();
  const story: string[] = [];
  const [a, b] = [controlled(story, 'a'), controlled(story, 'b')];
  const results = Promise.all([locks.run('s', a.work), locks.run('s', b.work)]);
  b.finish();
  a.finish();
  expect(await results).toEqual(['a', 'b']);
  expect(story).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

it('lets another session run beside it', async () => {
  const locks = new SessionLocks();
  const story: string[] = [];
  const [a, b] = [controlled(story, 'a'), controlled(story, 'b')];
  const first = locks.run('s', a.work);
  b.finish();
  await locks.run('t', b.work);
  expect(story).toEqual(['a begins', 'b begins', 'b ends']);
  a.finish();
  await first;
});

it('goes on after work that failed', async () => {
  const locks = new SessionLocks();
  const story: string[] = [];
  const [a, b] = [controlled(story, 'a'), controlled(story, 'b')];
  const first = locks.run('s', a.work);
  const second = locks.run('s', b.work);
  a.fail(new Error('broken'));
  b.finish();
  await expect(first).rejects.toThrow('broken');
  expect(await second).toBe('b');
});

it('keeps others out under every name that a session has', async () => {
  const locks = new SessionLocks();
  const story: string[] = [];
  const [a, b] = [controlled(story, 'a'), controlled(story, 'b')];
  const first = locks.run('chat', a.work);
  locks.alias('chat', 'id');
  locks.alias('id', 'id');
  locks.alias('nobody', 'id');
  const second = locks.run('id', b.work);
  b.finish();
  a.finish();
  await Promise.all([first, second]);
  expect(story).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});
