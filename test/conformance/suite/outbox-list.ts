import { describe, expect, test } from 'vitest';
import type { CallbackFilter } from '../../../src/queue/index.ts';
import type { EngineUnderTest } from '../engine.ts';
import { credential, Owing, oweingMany } from '../owing.ts';

export function describeOutboxList(engine: EngineUnderTest): void {
  /** The pages of a list, each as the ids that it shows. */
  function pages(owing: Owing, filter: CallbackFilter): string[][] {
    const all: string[][] = [];
    let cursor: string | null | undefined;
    do {
      const page = owing.outbox.list({ ...filter, ...(cursor != null && { cursor }) });
      all.push(page.callbacks.map(({ target }) => target));
      cursor = page.nextCursor;
    } while (cursor !== null);
    return all;
  }

  describe('a list of callbacks', () => {
    test('shows each as it is, and never its token or its text', async () => {
      const owing = await Owing.open(engine);
      const createdAt = owing.stage.clock.wall();
      const target = 'https://example.com/a/b?key=secret-key#secret';
      const taskId = await owing.owe('secret-text', { kind: 'webhook', target, token: 'secret-token' });
      owing.stage.clock.advance(1_000);
      const { callbacks, nextCursor } = owing.outbox.list({ limit: 10 });
      expect(callbacks).toEqual([
        {
          id: expect.any(String),
          taskId,
          kind: 'webhook',
          target: 'https://example.com/a/b?…',
          threadId: null,
          moment: 'completed',
          status: 'pending',
          attempts: 0,
          lastError: null,
          nextAttemptAt: createdAt + 1_000,
          chunksSent: 0,
          chunks: 1,
          createdAt,
        },
      ]);
      expect(nextCursor).toBeNull();
      expect(JSON.stringify(callbacks)).not.toContain('secret');
    });

    test('of a webhook without a query shows where it goes, of others their target as it is', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x', { kind: 'webhook', target: 'https://example.com' });
      await owing.owe('x', { kind: 'discord', target: 'https://a.example?b' });
      await owing.owe('x', { kind: 'telegram', target: '@name', threadId: '7' });
      const { callbacks } = owing.outbox.list({ limit: 10 });
      expect(callbacks.map(({ target, threadId }) => [target, threadId])).toEqual([
        ['@name', '7'],
        ['https://a.example?b', null],
        ['https://example.com/', null],
      ]);
    });

    test('tells when the next attempt is due, of those that are next alone', async () => {
      const owing = await Owing.open(engine);
      const deferred = await owing.owe('deferred', { target: 'a' });
      const behind = await owing.owe('behind', { target: 'a' });
      const paused = await owing.owe('paused', { target: 'b', token: 'sealed' });
      const dead = await owing.owe('dead', { target: 'c' });
      for (const { id, text } of await owing.take()) {
        if (text === 'deferred') await owing.outbox.defer(id, 'HTTP 503', 5_000);
        if (text === 'dead') await owing.outbox.bury(id, 'HTTP 404');
        if (text !== 'paused') continue;
        await owing.outbox.pause(id, credential('sealed'), 'HTTP 401', 60_000);
        await owing.outbox.hold(id, credential('sealed'), 'HTTP 401');
      }
      owing.stage.clock.advance(2_000);
      const due = (taskId: string) => owing.shown(taskId).nextAttemptAt;
      expect(due(deferred)).toBe(owing.stage.clock.wall() + 3_000);
      expect([behind, paused, dead].map(due)).toEqual([null, null, null]);
      expect(owing.shown(deferred)).toMatchObject({ attempts: 1, lastError: 'HTTP 503' });
      owing.stage.clock.advance(60_000);
      expect(due(deferred)).toBe(owing.stage.clock.wall());
    });

    test('tells how much has arrived', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('x');
      await owing.outbox.advance((await owing.takeOne()).id, 4);
      expect(owing.shown(taskId)).toMatchObject({ chunksSent: 4, attempts: 1 });
    });
  });

  describe('the pages of a list', () => {
    /** Ten that are owed by one task, of which some are paused or dead, and one of another. */
    async function ten(): Promise<{ owing: Owing; taskId: string }> {
      const owing = await Owing.open(engine, { composeCallback: oweingMany });
      await owing.oweMany(10, { target: 't', token: 'sealed' });
      const taken = await owing.take();
      const taskId = taken[0]?.taskId ?? '';
      for (const { id, text } of taken) {
        if (['1', '4', '7'].includes(text)) await owing.outbox.bury(id, 'HTTP 404');
        else await owing.outbox.defer(id, 'HTTP 503', 60_000);
      }
      await owing.owe('other', { target: 'other', kind: 'slack' });
      await owing.refuse(credential(null, 'slack'));
      return { owing, taskId };
    }
    const t = (...numbers: number[]) => numbers.map((n) => `t-${n}`);

    test('are newest first, and together hold each once', async () => {
      const { owing } = await ten();
      expect(pages(owing, { limit: 4 })).toEqual([['other', ...t(9, 8, 7)], t(6, 5, 4, 3), t(2, 1, 0)]);
      expect(pages(owing, { limit: 11 })).toHaveLength(1);
    });

    test('of a status, of a task, and of both show those alone', async () => {
      const { owing, taskId } = await ten();
      expect(pages(owing, { status: 'dead', limit: 2 })).toEqual([t(7, 4), t(1)]);
      expect(pages(owing, { status: 'paused', limit: 2 })).toEqual([['other']]);
      expect(pages(owing, { status: 'pending', limit: 4 })).toEqual([t(9, 8, 6, 5), t(3, 2, 0)]);
      expect(pages(owing, { taskId, limit: 20 }).flat()).toHaveLength(10);
      expect(pages(owing, { taskId, status: 'dead', limit: 2 })).toEqual([t(7, 4), t(1)]);
      expect(pages(owing, { taskId: 'no-such-task', limit: 2 })).toEqual([[]]);
      expect(pages(owing, { taskId, status: 'paused', limit: 2 })).toEqual([[]]);
    });

    test('show nothing twice when others are owed meanwhile', async () => {
      const { owing } = await ten();
      const first = owing.outbox.list({ limit: 4 });
      await owing.owe('new', { target: 'new' });
      const second = owing.outbox.list({ limit: 4, cursor: first.nextCursor ?? '' });
      expect(second.callbacks.map(({ target }) => target)).toEqual(t(6, 5, 4, 3));
    });
  });
}
