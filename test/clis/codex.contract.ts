import { expect, it, onTestFinished } from 'vitest';
import { contract } from './contract.ts';
import { text } from './fake/model-api.ts';
import { openStage } from './stage.ts';

contract('codex', {
  unknownSession: { exitCode: 1, error: /^codex: unknown session: .*no rollout found for thread id 9999/ },
  apiError: { exitCode: 1, error: /^codex: .*no such thing$/ },
  // The sandbox lets it run, and refuses what it does.
  deniedTool: {
    call: { kind: 'tool', name: 'exec_command', input: { cmd: 'touch denied' } },
    metadata: {},
    toldToModel: /Read-only file system/,
  },
  shell: {
    call: (cmd) => ({ kind: 'tool', name: 'exec_command', input: { cmd } }),
    mode: 'danger-full-access',
  },
  echoes: false,
  terminated: 143,
});

it('takes up a new thread in silence for an id that it cannot read: the task fails and nothing goes on in it', async () => {
  const { api, ask, restartKnowing, close } = await openStage('codex');
  onTestFinished(close);
  restartKnowing('chat-7');
  api.answers(text('who are you?'));
  const result = await ask({ prompt: 'who am I?' });
  expect(result).toMatchObject({ exitCode: 1, error: expect.stringMatching(/instead of resuming chat-7$/) });
  expect(result.metadata).toMatchObject({ cause: 'unknown_session' });
  expect(result.metadata).not.toHaveProperty('sessionId');
});
