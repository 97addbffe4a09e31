/** `/cc-recent`: the sessions that a CLI has kept, whoever began them. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { type Api, startApi } from '../support/http.ts';
import { ELSEWHERE, TestPlugin } from '../support/plugin.ts';

/** A session of Claude Code in the folder where the Task API looks. */
function keep({ folder, clock }: Api, sessionId: string, topic: string, minutesAgo: number): void {
  const file = join(folder, 'claude', 'project', `${sessionId}.jsonl`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ type: 'user', message: { role: 'user', content: topic } })}\n`);
  const seconds = clock.wall() / 1_000 - minutesAgo * 60;
  utimesSync(file, seconds, seconds);
}

it('lists the latest ones, with what they are about and how to go on', async () => {
  const api = await startApi();
  const plugin = new TestPlugin(api);
  keep(api, 'newer', 'rename\nthe   files', 2);
  keep(api, 'older', 'x'.repeat(100), 3 * 60);
  await plugin.say('/cc-resume older');
  expect(await plugin.say('/cc-recent')).toBe(
    [
      'The latest sessions of Claude Code:',
      '• rename the files (2 min ago)\n  newer',
      `• ${'x'.repeat(59)}… (3 h ago, the one of this chat)\n  older`,
      '/cc-resume <id> goes on with one.',
    ].join('\n'),
  );
  expect(await plugin.say('/cc-recent', ELSEWHERE)).not.toContain('the one of this chat');
});

it('lists 8 at most', async () => {
  const api = await startApi();
  for (let n = 0; n < 10; n += 1) keep(api, `session-${n}`, 'topic', n);
  const lines = (await new TestPlugin(api).say('/cc-recent')).split('\n');
  expect(lines.filter((line) => line.startsWith('  session-')).map((line) => line.trim())).toEqual(
    Array.from({ length: 8 }, (_, n) => `session-${n}`),
  );
});

it('says that there are none', async () => {
  const plugin = new TestPlugin(await startApi());
  expect(await plugin.reply('/cx-recent')).toEqual({ text: 'Codex has no sessions where the runner looks.' });
});
