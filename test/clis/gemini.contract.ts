import { contract } from './contract.ts';

contract('gemini', {
  unknownSession: {
    exitCode: 42,
    error: /^gemini: unknown session: .*No previous sessions found for this project/,
  },
  // 400, of which an exit code has only the lower eight bits.
  apiError: { exitCode: 144, error: /^gemini: .*no such thing$/ },
  // With nobody to ask, the tools that would need a question are not even there.
  deniedTool: {
    call: { kind: 'tool', name: 'run_shell_command', input: { command: 'touch denied' } },
    metadata: { permissionDenials: [{ tool_name: 'run_shell_command' }] },
    toldToModel: /run_shell_command.{0,5} not found/,
  },
  shell: {
    call: (command) => ({ kind: 'tool', name: 'run_shell_command', input: { command } }),
    mode: 'yolo',
  },
  echoes: true,
  terminated: 0,
});
