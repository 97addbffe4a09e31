/** What the other tests of this folder build on: the harness itself, with a plugin that only greets. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gone, pidsIn } from '../support/eventually.ts';
import { openStage, type Stage } from './stage.ts';

const GREETER = {
  id: 'greeter',
  from: { folder: fileURLToPath(new URL('./greeter', import.meta.url)) },
  tools: ['greet'],
  config: () => ({ word: 'Ahoy' }),
};
const ANN = 777;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ plugin: GREETER });
});
afterAll(async () => {
  await stage?.close();
  expect(stage && [stage.home, stage.gateway.home].filter((folder) => existsSync(folder))).toEqual([]);
});

/** What Telegram shows in the chat after what it has shown until now. */
async function next(chat: number, count: number, write: () => void): Promise<string[]> {
  const before = stage.telegram.sent.filter(({ chat_id }) => String(chat_id) === String(chat)).length;
  write();
  return (await stage.telegram.chat(chat, before + count)).slice(before);
}

describe('a message of Telegram', () => {
  it('gets the reply of the model', async () => {
    const answer = await next(ANN, 1, () => stage.telegram.write('how are you?', { from: ANN }));
    expect(answer).toEqual(['how are you?']);
    expect(stage.model.requests.at(-1)).toMatchObject({ said: 'how are you?', tools: ['greet'] });
  });

  it('that is a command of the plugin gets its reply, without the model', async () => {
    const asked = stage.model.requests.length;
    const answer = await next(ANN, 1, () => stage.telegram.write('/greet Ann', { from: ANN }));
    expect([answer, stage.model.requests.length]).toEqual([['Ahoy, Ann.'], asked]);
  });

  it('of a topic is answered in the topic', async () => {
    const chat = { id: -100_123, type: 'supergroup', title: 'Us', is_forum: true };
    const place = { from: ANN, chat, message_thread_id: 42, is_topic_message: true };
    await next(chat.id, 1, () => stage.telegram.write('/greet all', place));
    const [sent] = stage.telegram.sent.slice(-1);
    expect(sent).toMatchObject({ chat_id: '-100123', message_thread_id: 42, text: 'Ahoy, all.' });
  });
});

describe('the web chat', () => {
  it('has the commands, the model, and the tools', async () => {
    const webchat = await stage.webchat();
    expect(await webchat.ask('/greet Bob')).toBe('Ahoy, Bob.');
    stage.model.answer = ({ said, toolResult }) =>
      toolResult === undefined
        ? { toolCall: { name: 'greet', args: { name: said } } }
        : { text: `It says: ${toolResult}` };
    expect(await webchat.ask('Carol')).toBe('It says: Ahoy, Carol.');
    expect(await webchat.hears('It says')).toBe('It says: Ahoy, Carol.');
    expect((await webchat.history()).map(({ text }) => text)).toContain('Ahoy, Bob.');
    expect(await stage.gateway.invoke('greet', { name: 'Dan' })).toMatchObject({ ok: true });
  });

  it('shows what comes by itself', async () => {
    const webchat = await stage.webchat();
    stage.model.answer = ({ said }) => ({ text: `I was told: ${said}` });
    expect((await stage.gateway.hook('wake', { text: 'the bell' })).status).toBe(200);
    expect(await webchat.hears('the bell')).toBe('I was told: the bell');
  });
});

describe('our Task API', () => {
  it("tells a chat of a task by the gateway's agent", async () => {
    stage.model.answer = ({ said }) => ({ text: `Your task says: ${said}` });
    const callback = { kind: 'telegram', target: String(ANN) };
    const submit = () => void stage.tasks.post('/tasks', { command: 'echo it is done', callback });
    const [told] = await next(ANN, 1, submit);
    expect(told).toMatch(/^Your task says: [\s\S]*it is done/);
  });

  it.each(['claude', 'codex', 'gemini'])(
    'has %s at the other end, which continues its session',
    async (cli) => {
      const ask = async (prompt: string) => {
        const { taskId } = await stage.tasks.post(`/${cli}`, { prompt, sessionId: `chat-${cli}` });
        return (await stage.tasks.result(taskId)).stdout;
      };
      expect(await ask('hello')).toBe(`${cli} heard: hello (new)`);
      expect(await ask('and again')).toMatch(
        new RegExp(`^${cli} heard: and again \\(resumed [0-9a-f]{8}-[0-9a-f-]{27}\\)$`),
      );
    },
  );

  it('ends a CLI that hangs', async () => {
    const { taskId } = await stage.tasks.post('/claude', { prompt: 'hang' });
    const pids = await pidsIn(join(stage.home, 'claude.pids'), 1);
    await stage.tasks.post(`/tasks/${taskId}/cancel`);
    await gone(pids);
  });
});

describe('after a stop', () => {
  it('a Task API that starts again is the same one', async () => {
    const { taskId } = await stage.tasks.post('/tasks', { command: 'echo before' });
    await stage.tasks.result(taskId);
    await stage.taskApi.restart();
    const again = await stage.tasks.post('/tasks', { command: 'echo after' });
    expect((await stage.tasks.result(again.taskId)).stdout).toBe('after\n');
  });

  it('a gateway that starts again goes on', async () => {
    const before = await stage.webchat();
    const spoken = await before.history();
    await stage.gateway.restart();
    expect(await next(ANN, 1, () => stage.telegram.write('/greet me', { from: ANN }))).toEqual(['Ahoy, me.']);
    const webchat = await stage.webchat();
    expect((await webchat.history()).slice(0, spoken.length)).toEqual(spoken);
    expect(await webchat.ask('/greet Eve')).toBe('Ahoy, Eve.');
  });
});
