/** The options that say what to submit: of `submit`, and of `schedules add` and `edit`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Submission } from '../client/index.ts';
import { StartError } from '../errors.ts';
import { anyMilliseconds, milliseconds, wholeNumber } from './connect.ts';

const TYPES = ['command', 'claude', 'codex', 'gemini'] as const;

export interface SubmissionOptions {
  type: (typeof TYPES)[number];
  session?: string;
  sessionKey?: string;
  timeout?: number;
  queue?: string;
  priority?: number;
  delay?: number;
  retries?: number;
  tag?: string[];
}

export function submissionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--type <type>', 'a shell command, or a prompt for an AI CLI')
        .choices(TYPES)
        .default('command'),
    )
    .option('--session <name>', 'the conversation that a prompt belongs to')
    .option('--session-key <key>', 'one after the other with every command of this key')
    .option('--timeout <ms>', 'how long it may run, in milliseconds', milliseconds)
    .option('--queue <name>', 'for the runners that take from this queue')
    .option('--priority <n>', 'from -10 to 10; higher goes first', wholeNumber)
    .option('--delay <ms>', 'not before so many milliseconds', anyMilliseconds)
    .option('--retries <n>', 'how often it is tried again when it fails, up to 20', wholeNumber)
    .option('--tag <tag>', 'a word to find it by; may be given several times', oneMore);
}

/** `StartError` for options that don't go together; the values themselves are the Task API's to judge. */
export function submissionOf(words: readonly string[], options: SubmissionOptions): Submission {
  const { type, session: sessionId, sessionKey, timeout, queue, priority, delay, retries, tag } = options;
  const asked = { timeout, queue, priority, delayMs: delay, retries, tags: tag };
  const text = words.join(' ');
  if (type === 'command') {
    if (sessionId === undefined) return { type, command: text, sessionKey, ...asked };
    throw new StartError('--session is for prompts: name the AI CLI with --type claude, codex or gemini.');
  }
  if (sessionKey !== undefined)
    throw new StartError('--session-key is for commands: prompts follow on each other by their --session.');
  return { type: `${type}-cli`, prompt: text, sessionId, origin: 'cli', ...asked };
}

function oneMore(text: string, others: readonly string[] = []): string[] {
  if (text !== '') return [...others, text];
  throw new InvalidArgumentError('It takes a word.');
}
