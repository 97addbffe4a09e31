/** The subcommands, thin: what they do is in foreground.ts, submit.ts and storage-commands.ts. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ClientError, type ClientOptions } from './client.ts';
import { systemClock as clock } from './clock.ts';
import { readDataFolder, readUrl } from './config.ts';
import { StartError } from './errors.ts';
import { SUBMIT_TYPES, type SubmitType } from './remote-task.ts';
import { type Environment, Settings } from './settings.ts';
import { cancel, PATIENCE_MS, SUBMIT_FAILED, submit, unstick } from './submit.ts';
import { readOwnToken, readToken } from './token.ts';
import { VERSION } from './version.ts';

interface Reaching {
  url?: string;
  tokenFile?: string;
}

interface SubmitOptions extends Reaching {
  type: SubmitType;
  session?: string;
  timeout?: number;
  json?: boolean;
  idempotencyKey?: string;
  patience: number;
}

/** Runs one subcommand to its end; its exit code. */
export async function run(args: readonly string[], env: Environment): Promise<number> {
  const failed = args[0] === 'submit' ? SUBMIT_FAILED : 1;
  let exitCode = 0;
  const program = createProgram(env, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has told its own errors already; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : failed;
    if (!(error instanceof StartError || error instanceof ClientError)) throw error;
    process.stderr.write(sentences(error.message));
    return failed;
  }
}

function createProgram(env: Environment, exit: (code: number) => void): Command {
  const program = new Command('openclaw-runner')
    .description(
      'A durable task queue for bots and agents, and the runner that executes their tasks on this machine.',
    )
    .version(VERSION, '-V, --version', 'prints the version')
    .helpOption('-h, --help', 'prints this help')
    .helpCommand('help [command]', 'prints the help of a command')
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'openclaw-runner: ')),
    })
    .exitOverride()
    .enablePositionalOptions();
  const add: Add = (name, description) => program.command(name).description(description);
  addForegroundCommands(add, env);
  addSubmit(add, env, exit);
  reaching(add('cancel', 'cancels a task'))
    .argument('<taskId>')
    .action((taskId: string, options: Reaching) => cancel(reachTaskApi(env, options), taskId));
  reaching(add('unstick', 'says why a task is where it is, and frees what can be freed'))
    .argument('<taskId>')
    .action((taskId: string, options: Reaching) => unstick(reachTaskApi(env, options), taskId));
  addStorageCommands(add, env);
  return program;
}

type Add = (name: string, description: string) => Command;

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

function addSubmit(add: Add, env: Environment, exit: (code: number) => void): void {
  reaching(add('submit', 'submits a task, prints its output, exits as it does'))
    .argument('<words...>', 'the command, or the prompt of an AI CLI')
    .passThroughOptions()
    .addOption(
      new Option('--type <type>', 'a shell command, or a prompt for an AI CLI')
        .choices(SUBMIT_TYPES)
        .default('command'),
    )
    .option('--session <name>', 'the conversation that a prompt belongs to')
    .option('--timeout <ms>', 'how long it may run, in milliseconds', milliseconds)
    .option('--json', 'prints the result as JSON')
    .option('--idempotency-key <key>', 'with the same one for a day, there is one task', idempotencyKey)
    .addOption(
      new Option('--patience <ms>', 'how long a Task API that is away is waited for, in milliseconds')
        .argParser(patience)
        .default(PATIENCE_MS),
    )
    .action(async (words: string[], options: SubmitOptions) => exit(await submitWords(env, words, options)));
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

/** Loaded only where it is used: `submit` has no need of queue and server, and answers in half the time. */
function foreground() {
  return import('./foreground.ts');
}

function storage() {
  return import('./storage-commands.ts');
}

function reaching(command: Command): Command {
  return command
    .option('--url <url>', 'where the Task API is (or WORKER_URL)')
    .option('--token-file <path>', 'file with its token (or WORKER_TOKEN, or the one in the data folder)');
}

function submitWords(env: Environment, words: string[], options: SubmitOptions): Promise<number> {
  const { type, session: sessionId, timeout: timeoutMs, json: asJson = false } = options;
  if (sessionId !== undefined && type === 'command') {
    throw new StartError('--session is for prompts: name the AI CLI with --type claude, codex or gemini.');
  }
  const submission = { type, text: words.join(' '), timeoutMs, sessionId };
  const { idempotencyKey: key, patience: patienceMs } = options;
  return submit(reachTaskApi(env, options), submission, { asJson, idempotencyKey: key, patienceMs });
}

/** Options win over the environment, and both over the data folder. */
function reachTaskApi(env: Environment, { url, tokenFile }: Reaching): ClientOptions {
  const settings = new Settings({ ...env, ...(url !== undefined && { WORKER_URL: url }) });
  const folder = readDataFolder(settings);
  const found = readUrl(settings);
  settings.check();
  const given = tokenFile === undefined ? settings.get('WORKER_TOKEN') : undefined;
  if (given !== undefined) return { url: found, token: given, tokenFile: null, clock };
  const file = tokenFile ?? folder.tokenFile;
  const token = tokenFile === undefined ? readOwnToken(file) : readToken(file);
  return { url: found, token, tokenFile: file, clock };
}

function milliseconds(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a number of milliseconds.');
}

/** 0 is none: one try. */
function patience(text: string): number {
  return text === '0' ? 0 : milliseconds(text);
}

function idempotencyKey(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It takes 1 to 200 visible ASCII characters.');
}

function sentences(message: string): string {
  const [first = '', ...others] = message.split('\n');
  if (others.length === 0) return `openclaw-runner: ${first}\n`;
  return `openclaw-runner: these settings are wrong:\n${[first, ...others].map((line) => `  ${line}\n`).join('')}`;
}
