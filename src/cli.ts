/** One subcommand, from its words to its exit code. Each loads only what it needs. */
import { bearClosedPipes } from './commands/output.ts';
import type { Environment } from './settings.ts';

/** Those that stay in the foreground, by their names. */
const FOREGROUND = { start: 'start', 'task-api': 'taskApi', runner: 'runner' } as const;

/** Runs one subcommand to its end; its exit code. */
export async function run(args: readonly string[], env: Environment): Promise<number> {
  bearClosedPipes();
  const [name = '', ...options] = args;
  if (options.length === 0 && isForeground(name)) return runForeground(name, env);
  const { runProgram } = await import('./program.ts');
  return runProgram(args, env);
}

function isForeground(name: string): name is keyof typeof FOREGROUND {
  return Object.hasOwn(FOREGROUND, name);
}

/** Without the other commands, the client and what reads options, of which none is needed here. */
async function runForeground(name: keyof typeof FOREGROUND, env: Environment): Promise<number> {
  try {
    const foreground = await import('./foreground.ts');
    await foreground[FOREGROUND[name]](env);
    return 0;
  } catch (error) {
    const { report } = await import('./commands/failure.ts');
    return report(error, { asJson: false, own: null });
  }
}
