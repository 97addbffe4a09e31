/** The subcommands, thin: what they do is in commands/, foreground.ts, runner-commands.ts and storage-commands.ts. */
import { Command, CommanderError } from 'commander';
import { addBatch } from './commands/batch.ts';
import { addCallbacks } from './commands/callbacks.ts';
import type { Add } from './commands/connect.ts';
import { addEvents } from './commands/events.ts';
import { MISUSED, report } from './commands/failure.ts';
import { addLogs } from './commands/logs.ts';
import { addRunners } from './commands/runners.ts';
import { addSchedules } from './commands/schedules.ts';
import { addShow } from './commands/show.ts';
import { addSubmit, SUBMIT_FAILED } from './commands/submit.ts';
import { addTaskCommands } from './commands/tasks.ts';
import type { Environment } from './settings.ts';
import { VERSION } from './version.ts';

/** Reads the options of one subcommand and runs it to its end; its exit code. */
export async function runProgram(args: readonly string[], env: Environment): Promise<number> {
  let exitCode = 0;
  const program = createProgram(env, (code) => {
    exitCode = code;
  });
  // Until the options are read, anything that looks like it counts.
  let asJson = args.includes('--json');
  program.hook('preAction', (_, command) => {
    asJson = command.opts().json === true;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && isTold(error)) return error.exitCode === 0 ? 0 : MISUSED;
    return report(error, { asJson, own: args[0] === 'submit' ? SUBMIT_FAILED : null });
  }
}

/** Help and version; a call without any command gets the help too. */
function isTold({ exitCode, code }: CommanderError): boolean {
  return exitCode === 0 || code === 'commander.help';
}

function createProgram(env: Environment, exit: (code: number) => void): Command {
  const program = new Command('openclaw-runner')
    .description(
      'A durable task queue for bots and agents, and the runner that executes their tasks on this machine.',
    )
    .version(VERSION, '-V, --version', 'prints the version')
    .helpOption('-h, --help', 'prints this help')
    .helpCommand('help [command]', 'prints the help of a command')
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .enablePositionalOptions();
  const add: Add = (name, description) => program.command(name).description(description);
  addForegroundCommands(add, env);
  addSubmit(add, env, exit);
  addBatch(add, env);
  addTaskCommands(add, env);
  addShow(add, env);
  addLogs(add, env);
  addEvents(add, env);
  addRunners(add, env);
  addSchedules(add, env);
  addCallbacks(add, env);
  addRunnerCommands(add, env, exit);
  addStorageCommands(add, env);
  return program;
}

function addForegroundCommands(add: Add, env: Environment): void {
  add('start', 'runs the Task API and a runner on this machine').action(async () =>
    (await foreground()).start(env),
  );
  add('task-api', 'runs the Task API alone; needs WORKER_TOKEN').action(async () =>
    (await foreground()).taskApi(env),
  );
  add('runner', 'runs a runner alone, for the Task API at WORKER_URL').action(async () =>
    (await foreground()).runner(env),
  );
}

function addRunnerCommands(add: Add, env: Environment, exit: (code: number) => void): void {
  const policy = add('policy', 'says what tasks may do on this machine');
  policy
    .command('check')
    .description('says what a policy file allows, or what is wrong with it')
    .argument('[file]', 'the file (or RUNNER_POLICY_FILE)')
    .option('--json', 'prints JSON')
    .action(async (file: string | undefined, options: { json?: boolean }) =>
      exit((await (await ofRunner()).checkPolicy(env, file, options)) ? 0 : 1),
    );
  add('doctor', 'looks at all that a runner needs on this machine, and says what to do')
    .option('--json', 'prints JSON')
    .action(async (options: { json?: boolean }) =>
      exit((await (await ofRunner()).doctor(env, options)) ? 0 : 1),
    );
}

function addStorageCommands(add: Add, env: Environment): void {
  add('backup', 'copies the databases, while the Task API runs or not')
    .argument('<file>', 'the tasks; the events and the key are written beside it')
    .option('--force', 'replaces a backup of this name')
    .action(async (file: string, { force = false }: { force?: boolean }) =>
      (await storage()).backup(env, file, { force }),
    );
  add('restore', 'puts a backup in the place of the databases; stop the Task API first')
    .argument('<file>', 'what "backup" wrote')
    .action(async (file: string) => (await storage()).restore(env, file));
}

/** Loaded only where it is used: the commands of a client have no need of queue and server, and answer in half the time. */
function foreground() {
  return import('./foreground.ts');
}

function ofRunner() {
  return import('./runner-commands.ts');
}

function storage() {
  return import('./storage-commands.ts');
}
