/** The options that say what to submit: of `submit`, and of `schedules add` and `edit`. */
import { isUtf8 } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Submission, TaskType } from '../client/index.ts';
import { CALLBACK_KINDS, type CallbackKind } from '../destination.ts';
import {
  AGENT_TYPES,
  type AgentLimit,
  type AgentType,
  CLI_NAMES,
  cliNameOf,
  TASK_TYPES,
  traitsOf,
} from '../queue/task.ts';
import { anyMilliseconds, milliseconds, wholeNumber } from './connect.ts';
import { UsageError } from './failure.ts';

/** As people call them: `claude` is `claude-cli`. */
const TYPE_NAMES = TASK_TYPES.map((type) => type.replace(/-cli$/, ''));
const PROMPTS: readonly TaskType[] = AGENT_TYPES;
const FILES: readonly TaskType[] = ['file-read', 'file-write', 'file-edit'];

export interface SubmissionOptions {
  type: TaskType;
  session?: string;
  model?: string;
  maxBudget?: number;
  maxTurns?: number;
  sessionBudget?: number;
  resumeLatest?: boolean;
  callback?: CallbackOption;
  callbackChannel?: string;
  encoding?: 'base64';
  replaceAll?: boolean;
  sessionKey?: string;
  cwd?: string;
  env?: Record<string, string>;
  timeout?: number;
  queue?: string;
  priority?: number;
  delay?: number;
  runAt?: number | string;
  retries?: number;
  retryBackoff?: number;
  maxAttempts?: number;
  lease?: number;
  tag?: string[];
}

export function submissionOptions(command: Command): Command {
  return whatOptions(command)
    .option('--session-key <key>', 'one after the other with every task of this key')
    .option('--cwd <folder>', 'where it runs; its runner decides')
    .option('--env <name=value>', 'a variable for it, NAME alone as it is here; several times', oneVariable)
    .option('--timeout <ms>', 'how long it may run, in milliseconds', milliseconds)
    .option('--queue <name>', 'for the runners that take from this queue')
    .option('--priority <n>', 'from -10 to 10; higher goes first', wholeNumber)
    .option('--delay <ms>', 'not before so many milliseconds', anyMilliseconds)
    .option('--run-at <time>', 'not before, as 2026-12-31T23:59:00+01:00 or epoch milliseconds', time)
    .option('--retries <n>', 'how often it is tried again when it fails, up to 20', wholeNumber)
    .option('--retry-backoff <ms>', 'before the first of them; doubled with each', milliseconds)
    .option('--max-attempts <n>', 'how often its runner may be lost before it fails', wholeNumber)
    .option('--lease <ms>', 'how long its runner may be out of touch before it is given away', milliseconds)
    .option(
      '--callback <kind:target>',
      'who hears of it, as telegram:777 or webhook:https://…',
      callbackOption,
    )
    .option('--callback-channel <id>', 'the chat channel that hears of it, of the usual kind', someText)
    .option('--tag <tag>', 'a word to find it by; may be given several times', oneMore);
}

/** What it is, by its type. */
function whatOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', `${TYPE_NAMES.join(', ')}`).argParser(taskType).default('command'))
    .option('--session <name>', 'the conversation that a prompt belongs to', someText)
    .option('--model <name>', 'what answers a prompt', someText)
    .option('--max-budget <dollars>', `what a prompt may cost; ${namesOf(keeps('maxBudgetUsd'))}`, dollars)
    .option('--max-turns <n>', `turns that a prompt may take; ${namesOf(keeps('maxTurns'))}`, wholeNumber)
    .option(
      '--session-budget <dollars>',
      `what its conversation may cost in all; ${namesOf(AGENT_TYPES.filter(tellsCost))}`,
      dollars,
    )
    .option('--resume-latest', 'gemini goes on with its latest conversation')
    .addOption(
      new Option('--encoding <name>', 'of the content that file-read prints or file-write is given').choices([
        'base64',
      ]),
    )
    .option('--replace-all', 'file-edit replaces the text wherever it is');
}

/** An option that only some types have. */
interface Only {
  option: keyof SubmissionOptions;
  types: readonly TaskType[];
  told: string;
}

function only(option: keyof SubmissionOptions, flag: string, types: readonly AgentType[]): Only {
  return { option, types, told: `${flag} is for ${namesOf(types)}.` };
}

function keeps(limit: AgentLimit): AgentType[] {
  return AGENT_TYPES.filter((type) => traitsOf(type).limits.includes(limit));
}

function tellsCost(type: AgentType): boolean {
  return traitsOf(type).tellsCost;
}

function namesOf(types: readonly AgentType[]): string {
  return types.map(cliNameOf).join(', ');
}

const ONLY: readonly Only[] = [
  {
    ...{ option: 'session', types: PROMPTS },
    told: `--session is for prompts: name the AI CLI with --type, as ${CLI_NAMES.join(', ')}.`,
  },
  {
    ...{ option: 'sessionKey', types: ['command', ...FILES] },
    told: '--session-key is for commands and files: prompts follow on each other by their --session.',
  },
  {
    ...{ option: 'timeout', types: ['command', ...PROMPTS] },
    told: '--timeout is for commands and prompts: files take no time.',
  },
  { option: 'model', types: PROMPTS, told: '--model is for prompts.' },
  only('maxBudget', '--max-budget', keeps('maxBudgetUsd')),
  only('maxTurns', '--max-turns', keeps('maxTurns')),
  only('sessionBudget', '--session-budget', AGENT_TYPES.filter(tellsCost)),
  { option: 'resumeLatest', types: ['gemini-cli'], told: '--resume-latest is for gemini.' },
  {
    ...{ option: 'encoding', types: ['file-read', 'file-write'] },
    told: '--encoding is for file-read and file-write.',
  },
  { option: 'replaceAll', types: ['file-edit'], told: '--replace-all is for file-edit.' },
];

/** `UsageError` for what does not go together; the values themselves are the Task API's to judge. */
export function submissionOf(words: readonly string[], options: SubmissionOptions): Submission {
  const wrong = ONLY.find(
    ({ option, types }) => options[option] !== undefined && !types.includes(options.type),
  );
  if (wrong !== undefined) throw new UsageError(wrong.told);
  const { queue, priority, delay: delayMs, runAt, retries, retryBackoff: retryBackoffMs } = options;
  const { maxAttempts, lease: leaseMs, tag: tags, cwd, env, callback, callbackChannel } = options;
  const told = { callback, callbackChannel };
  const asked = { queue, priority, delayMs, runAt, retries, retryBackoffMs, maxAttempts, leaseMs, tags };
  return { ...whatOf(words, options), cwd, env, ...told, ...asked };
}

function whatOf(words: readonly string[], options: SubmissionOptions): Submission {
  const { type, sessionKey, timeout, session: sessionId } = options;
  const { model, resumeLatest, encoding, replaceAll: replace_all } = options;
  const text = words.join(' ');
  if (type === 'command') return { type, command: text, sessionKey, timeout };
  const [path = '', ...rest] = words;
  const [old_string, new_string] = rest;
  switch (type) {
    case 'file-read':
      if (rest.length > 0) throw new UsageError('file-read takes a path.');
      return { type, path, encoding, sessionKey };
    case 'file-write':
      if (rest.length === 0) throw new UsageError('file-write takes a path and the content; - is stdin.');
      return { type, path, content: rest.join(' '), encoding, sessionKey };
    case 'file-edit':
      if (old_string === undefined || new_string === undefined || rest.length > 2)
        throw new UsageError('file-edit takes a path, the text that is there, and the text in its place.');
      return { type, path, old_string, new_string, replace_all, sessionKey };
    default: {
      const { maxBudget: maxBudgetUsd, maxTurns, sessionBudget: sessionBudgetUsd } = options;
      const limits = { maxBudgetUsd, maxTurns, sessionBudgetUsd };
      const wishes = { sessionId, timeout, model, resumeLatest, ...limits };
      return { type, prompt: text, ...wishes, origin: 'cli' };
    }
  }
}

/** The words; a `-` that stands alone, or last behind the path of a file, is what comes from stdin. */
export async function withInput(words: readonly string[], type: TaskType): Promise<readonly string[]> {
  const isInput = words.at(-1) === '-' && FILES.includes(type) === words.length > 1;
  return isInput ? [...words.slice(0, -1), await input()] : words;
}

/** `UsageError` for what is no text. */
export async function input(): Promise<string> {
  const bytes = await buffer(process.stdin);
  if (isUtf8(bytes)) return bytes.toString();
  throw new UsageError('What comes from stdin is no UTF-8; a file may be sent as --encoding base64.');
}

/** `claude` is `claude-cli` as well. */
export function taskType(text: string): TaskType {
  const found = TASK_TYPES.find((type) => type === text || type === `${text}-cli`);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`It is one of ${TYPE_NAMES.join(', ')}.`);
}

interface CallbackOption {
  kind: CallbackKind;
  target: string;
}

/** `telegram:777`; what comes behind the first colon is the Task API's to judge. */
function callbackOption(text: string): CallbackOption {
  const [, name, target] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  const kind = CALLBACK_KINDS.find((one) => one === name);
  if (kind !== undefined && target !== undefined) return { kind, target };
  throw new InvalidArgumentError(`It is one of ${CALLBACK_KINDS.join(', ')}, a colon and the target.`);
}

/** The Task API's to judge, but for digits, which are milliseconds. */
function time(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** How many of them is the Task API's to judge. */
function dollars(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a number of dollars, as 2.50.');
}

/** `NAME=VALUE`; `NAME` alone has the value that it has here, which no other user of this machine sees. */
function oneVariable(text: string, others: Record<string, string> = {}): Record<string, string> {
  const [, name = '', given] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  const value = given ?? process.env[name];
  if (value !== undefined) return { ...others, [name]: value };
  throw new InvalidArgumentError('It takes NAME=VALUE, or the NAME of a variable that is set here.');
}

/** The Task API takes a blank name for none, and would do something else. */
function someText(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It takes a word.');
}

function oneMore(text: string, others: readonly string[] = []): string[] {
  return [...others, text];
}
