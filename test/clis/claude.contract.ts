import { expect, it, onTestFinished } from 'vitest';
import { contract } from './contract.ts';
import { text } from './fake/model-api.ts';
import { openStage } from './stage.ts';

contract('claude', {
  unknownSession: {
    exitCode: 1,
    error: /^claude: unknown session: No conversation found with session ID: 9999/,
  },
  apiError: { exitCode: 1, error: /^claude: .*400 no such thing/ },
  deniedTool: {
    call: { kind: 'tool', name: 'Bash', input: { command: 'touch denied', description: 'touch a file' } },
    metadata: { permissionDenials: [{ tool_name: 'Bash', tool_input: { command: 'touch denied' } }] },
    toldToModel: /Permission to use Bash has been denied/,
  },
  shell: {
    call: (command) => ({ kind: 'tool', name: 'Bash', input: { command, description: 'run it' } }),
    mode: 'dontAsk',
  },
  echoes: false,
  terminated: 143,
});

it('takes /clear for its own command: the chat goes on in a new session, without a word of the old one', async () => {
  const { api, ask, sessions, close } = await openStage('claude');
  onTestFinished(close);
  api.answers(text('hello Ada'), text('who knows?'));
  const first = await ask({ prompt: 'my name is Ada' });
  const cleared = await ask({ prompt: '/clear' });
  expect(cleared).toMatchObject({ stdout: '', exitCode: 0, error: null });
  expect(cleared.metadata?.sessionId).not.toBe(first.metadata?.sessionId);
  const { sessionId } = cleared.metadata ?? {};
  const next = await ask({ prompt: 'who am I?' });
  expect(next).toMatchObject({ stdout: 'who knows?', error: null, metadata: { sessionId, resumed: true } });
  expect(api.heard('my name is Ada', 'who am I?')).toEqual(['who am I?']);
  expect(sessions().size).toBe(2);
});
