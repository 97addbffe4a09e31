/** An answer that is written into a conversation of the gateway. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { standInOpenClaw } from '../../support/packed-plugin.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { CLONE } from '../../support/terminal.ts';

/** What the gateway answers, one after the other, and what it was given. */
const TRANSCRIPTS = `
export const answers = [], appended = [];
export async function appendSessionTranscriptMessageByIdentityStrict(append) {
  appended.push(append);
  return { kind: answers.shift() ?? 'result' };
}
`;

const THERE = { agentId: 'main', sessionKey: 'agent:main:main' };

/** A gateway in which somebody begins anew with each look, and a plugin that is installed there. */
async function aGateway({ sessionIds, answers }: { sessionIds: string[]; answers: string[] }) {
  const home = tempFolder();
  standInOpenClaw(home, TRANSCRIPTS);
  copyFileSync(join(CLONE, 'plugin/src/webchat.ts'), join(home, 'webchat.ts'));
  const { webchatWriter } = await import(join(home, 'webchat.ts'));
  const transcripts = await import(join(home, 'node_modules/openclaw/transcripts.js'));
  transcripts.answers.push(...answers);
  const getSessionEntry = () => {
    const [sessionId] = sessionIds.length > 1 ? sessionIds.splice(0, 1) : sessionIds;
    return sessionId === undefined ? undefined : { sessionId };
  };
  const write: (...what: [object, string, string]) => Promise<void> = webchatWriter({
    runtime: { agent: { session: { getSessionEntry } } },
  });
  return { write, appended: transcripts.appended as Record<string, unknown>[] };
}

it('is what an assistant says there, once for each task', async () => {
  const { write, appended } = await aGateway({ sessionIds: ['id-1'], answers: [] });
  await write(THERE, 'task-1', 'hello');
  expect(appended).toMatchObject([
    {
      ...{ ...THERE, sessionId: 'id-1', idempotencyLookup: 'scan', updateMode: 'inline' },
      message: {
        ...{ role: 'assistant', content: [{ type: 'text', text: 'hello' }], idempotencyKey: 'task-1' },
        ...{
          stopReason: 'stop',
          timestamp: expect.any(Number),
          usage: { totalTokens: 0, cost: { total: 0 } },
        },
      },
    },
  ]);
});

it('goes to what somebody has begun meanwhile', async () => {
  const { write, appended } = await aGateway({ sessionIds: ['id-1', 'id-2'], answers: ['rejected'] });
  await write(THERE, 'task-1', 'hello');
  expect(appended.map(({ sessionId }) => sessionId)).toEqual(['id-1', 'id-2']);
});

it('that is there already is not written again', async () => {
  const { write, appended } = await aGateway({ sessionIds: ['id-1'], answers: ['suppressed'] });
  await write(THERE, 'task-1', 'hello');
  expect(appended).toHaveLength(1);
});

it('fails where the conversation changes all the time', async () => {
  const { write } = await aGateway({ sessionIds: ['id-1'], answers: ['rejected', 'rejected'] });
  await expect(write(THERE, 'task-1', 'hello')).rejects.toThrow(
    'the conversation agent:main:main changes all the time',
  );
});

it('fails where the conversation is gone', async () => {
  const { write, appended } = await aGateway({ sessionIds: [], answers: [] });
  await expect(write(THERE, 'task-1', 'hello')).rejects.toThrow('the conversation agent:main:main is gone');
  expect(appended).toEqual([]);
});
