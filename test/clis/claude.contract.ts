import { contract } from './contract.ts';

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
