/** `/cc`, `/cx` and `/gemini`: what becomes of a prompt that somebody writes in a chat. */
import { describe, expect, it } from 'vitest';
import { startApi, UUID } from '../support/http.ts';
import {
  ELSEWHERE,
  HERE,
  PROMPT_TIMEOUT_MS,
  StandInRunner,
  submissionsOf,
  TestPlugin,
} from '../support/plugin.ts';

async function aChat() {
  const api = await startApi();
  const submitted = submissionsOf(api);
  return { api, submitted, plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const sessionsOf = (submitted: () => { sessionId: string | null }[]) =>
  submitted().map(({ sessionId }) => sessionId);

describe('a prompt', () => {
  it.each([
    ['cc', 'claude-cli'],
    ['cx', 'codex-cli'],
    ['gemini', 'gemini-cli'],
  ])('/%s is a task %s, whose answer comes back', async (command, type) => {
    const { api, submitted, plugin } = await aChat();
    const answer = await plugin.reply(`/${command} say hello,\n  twice`);
    expect(submitted()).toMatchObject([
      {
        type,
        payload: { prompt: 'say hello,\n  twice', timeout: PROMPT_TIMEOUT_MS },
        timeoutMs: PROMPT_TIMEOUT_MS,
        sessionId: expect.stringMatching(UUID),
        provenance: { origin: 'openclaw', dispatchMode: 'direct-command', entrypoint: command },
        callback: {
          kind: 'telegram',
          target: '777',
          threadId: null,
          on: ['completed', 'failed', 'cancelled'],
        },
        tags: ['openclaw', expect.stringMatching(/^chat-/)],
      },
    ]);
    const [{ taskId }] = (await api.get('/tasks')).body.tasks;
    expect(answer).toEqual({
      text: expect.stringContaining(`/runner show ${taskId.slice(-8)} tells how it goes.`),
    });
  });

  it.each(['newest files', 'new files', 'now', 'recent', 'resume it'])(
    'may begin with the words "%s"',
    async (words) => {
      const { submitted, plugin } = await aChat();
      await plugin.say(`/cc ${words}`);
      expect(submitted()).toMatchObject([{ payload: { prompt: words } }]);
    },
  );

  it.each(['/cc', '/cc  \n '])('that is empty (%j) asks nothing, and tells what there is', async (text) => {
    const { submitted, plugin } = await aChat();
    const usage = await plugin.say(text);
    for (const words of ['/cc <prompt>', 'Nothing was asked', '/cc-recent', '/cc-resume <id>', '/runner'])
      expect(usage).toContain(words);
    expect(submitted()).toEqual([]);
    expect(await plugin.say('/cc-now')).toContain('Nothing was asked');
  });

  it('goes on from the last one of the chat', async () => {
    const { submitted, plugin } = await aChat();
    for (const prompt of ['one', 'two', 'three']) await plugin.say(`/cc ${prompt}`);
    expect(new Set(sessionsOf(submitted))).toHaveLength(1);
    expect(submitted().map(({ payload }) => payload.prompt)).toEqual(['one', 'two', 'three']);
  });

  it('that comes at once with another belongs to its conversation', async () => {
    const { submitted, plugin } = await aChat();
    const answers = await Promise.all([plugin.reply('/cx one'), plugin.reply('/cx two')]);
    expect(answers.map(({ isError }) => isError)).toEqual([undefined, undefined]);
    expect(submitted()).toHaveLength(2);
    expect(new Set(sessionsOf(submitted))).toHaveLength(1);
  });

  it('knows nothing of other chats, and of other CLIs', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/cc one');
    await plugin.say('/cc two', ELSEWHERE);
    await plugin.say('/cx three');
    await plugin.say('/gemini four');
    await plugin.say('/cc five', { ...HERE, messageThreadId: 42 });
    await plugin.say('/cc six', { ...HERE, accountId: 'second' });
    expect(new Set(sessionsOf(submitted))).toHaveLength(6);
    await plugin.say('/cc seven', ELSEWHERE);
    expect(sessionsOf(submitted)[6]).toBe(sessionsOf(submitted)[1]);
    expect(submitted().map(({ callback }) => callback?.target)).toEqual([
      '777',
      '888',
      '777',
      '777',
      '777',
      '777',
      '888',
    ]);
    expect(new Set(submitted().map(({ tags }) => tags?.[1]))).toHaveLength(4);
  });
});

describe('the answer', () => {
  it('says why it waits, when no runner is there', async () => {
    const { plugin } = await aChat();
    const text = await plugin.say('/cc hi');
    expect(text).toMatch(
      /^⏳ Claude Code has it in line\. It is ready, and waits for a runner .*: none is connected\./,
    );
  });

  it('says that it waits behind the one before', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cc one');
    await runner.take();
    expect(await plugin.say('/cc two')).toMatch(
      /^⏳ Claude Code has it in line\. It waits behind task .* runs at the runner "laptop"/,
    );
  });

  it('says that a runner has it already', async () => {
    const { api, plugin, runner } = await aChat();
    const taken = runner.take();
    await api.waiting(1);
    // The Task API hands it to the runner that waits before it tells of it.
    expect(await plugin.say('/gemini hi')).toMatch(/^▶ Gemini is on it\./);
    expect(await taken).toMatchObject({ prompt: 'hi' });
  });
});

describe('-new', () => {
  it('begins anew with the next prompt', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/cc one');
    expect(await plugin.reply('/cc-new')).toEqual({ text: 'The next /cc begins anew with Claude Code.' });
    expect(submitted()).toHaveLength(1);
    expect(await plugin.say('/cc-now')).toContain('Nothing was asked');
    await plugin.say('/cc two');
    expect(new Set(sessionsOf(submitted))).toHaveLength(2);
  });

  it('begins anew with its own prompt', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/cx one');
    await plugin.say('/cc one');
    expect(await plugin.say('/cx-new two')).toContain('Codex has it in line');
    await plugin.say('/cx three');
    await plugin.say('/cc two');
    const [first, claude, second, third, fourth] = sessionsOf(submitted);
    expect(second).not.toBe(first);
    expect([third, fourth]).toEqual([second, claude]);
  });
});

describe('-now', () => {
  it('tells which session is next', async () => {
    const { submitted, plugin } = await aChat();
    expect(await plugin.say('/cx-now')).toBe('Nothing was asked of Codex here; /cx <prompt> begins.');
    await plugin.say('/cx one');
    expect(await plugin.say('/cx-now')).toBe(
      `/cx goes on with session ${submitted()[0]?.sessionId} of Codex; /cx-new begins anew.`,
    );
    expect(await plugin.say('/cx-now', ELSEWHERE)).toContain('Nothing was asked');
  });
});

describe('-resume', () => {
  it('goes on with the session that it names', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/gemini one');
    expect(await plugin.say('/gemini-resume  abc-1 ')).toBe(
      '/gemini goes on with session abc-1 of Gemini now.',
    );
    expect(submitted()).toHaveLength(1);
    await plugin.say('/gemini two');
    expect(submitted()[1]).toMatchObject({ sessionId: 'abc-1', payload: { prompt: 'two' } });
  });

  it('asks it what stands behind, line for line', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/cc-resume abc-1 fix this:\n\n  a\n  b');
    expect(submitted()).toMatchObject([
      { sessionId: 'abc-1', payload: { prompt: 'fix this:\n\n  a\n  b' }, provenance: { entrypoint: 'cc' } },
    ]);
    await plugin.say('/cc-resume abc-2\nline one\nline two');
    expect(submitted()[1]).toMatchObject({ sessionId: 'abc-2', payload: { prompt: 'line one\nline two' } });
  });

  it('without a session says how, and changes nothing', async () => {
    const { submitted, plugin } = await aChat();
    await plugin.say('/cc one');
    expect(await plugin.say('/cc-resume')).toBe(
      '/cc-resume <id> [prompt] goes on with a session; /cc-recent lists them.',
    );
    await plugin.say('/cc two');
    expect(new Set(sessionsOf(submitted))).toHaveLength(1);
  });
});
