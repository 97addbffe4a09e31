/**
 * What the three stand-in CLIs share: plain JavaScript for any Node from 20 on, no dependencies. Each reads its
 * flags as strictly as the real one, takes the prompt from stdin until its end, keeps its session in a file where
 * the real one keeps it, and prints events taken from recorded output (test/fixtures/cli).
 *
 * The prompt says what happens; each of these stands on a line of its own, other lines are talk:
 *
 *     say TEXT                   answer TEXT
 *     recall                     answer the first prompt of this session
 *     argv                       answer the arguments as JSON
 *     env                        answer the names of the environment as JSON
 *     screenshot PATH            answer with the line that asks for an upload of PATH
 *     noise                      print an unknown event and lines that are no JSON, then go on
 *     trouble TEXT               tell of a problem that passes (a retry), then go on
 *     api-error                  fail as the API's 400 or 500 makes it fail
 *     model unavailable          fail as an unknown model makes it fail; so does any model named `unavailable…`
 *     deny-tool                  (claude) a tool is denied, the answer comes all the same
 *     exit CODE                  end with CODE and no terminal event
 *     exit-after CODE            answer, then end with CODE all the same
 *     vanish                     name the session, write no session file, end with code 1
 *     spawn-grandchild PIDFILE   start a process that lives for ever and write its id, then go on
 *     sleep                      wait for a signal
 *     stubborn                   wait, and ignore SIGTERM
 *
 * Without any of them the answer is `prompts=N`: how many prompts this session has had.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Prints a line of JSON at once: what was printed before a kill has arrived. */
export function emit(event) {
  print(1, `${JSON.stringify(event)}\n`);
}

/** A pipe that is full for the moment is waited for. */
export function print(descriptor, text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

export function fail(code, message) {
  print(2, `${message}\n`);
  process.exit(code);
}

/**
 * Reads `--flag value` by a table of `flag: takesValue`; stops at the first word that is no flag.
 * Returns the flags and the words from there on; an unknown flag goes to `refuse`.
 */
export function readFlags(argv, table, refuse) {
  const flags = {};
  let at = 0;
  for (; at < argv.length && argv[at].startsWith('-') && argv[at] !== '-'; at++) {
    const flag = argv[at];
    if (!(flag in table)) refuse(flag);
    if (table[flag] && argv[at + 1] === undefined) refuse(flag);
    flags[flag] = table[flag] ? argv[++at] : true;
  }
  return { flags, words: argv.slice(at) };
}

/** Blocks until the other side closes stdin, as the real ones do. */
export function readPrompt() {
  return readFileSync(0, 'utf8');
}

/** The events of a recorded run. */
export function recorded(name) {
  const file = new URL(`../../fixtures/cli/${name}.jsonl`, import.meta.url);
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export function readLines(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export function appendLines(path, lines) {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The argument of a command in the prompt ('' where it has none), or null. */
export function command(prompt, name) {
  for (const line of prompt.split('\n')) {
    if (line === name) return '';
    if (line.startsWith(`${name} `)) return line.slice(name.length + 1);
  }
  return null;
}

export function unavailable(prompt, model) {
  return command(prompt, 'model unavailable') !== null || (model ?? '').startsWith('unavailable');
}

export function answerTo(prompt, prompts) {
  const screenshot = command(prompt, 'screenshot');
  if (screenshot !== null) return `here it is\nPLEASE_UPLOAD_TO_DISCORD: ${screenshot}`;
  if (command(prompt, 'recall') !== null) return prompts[0];
  if (command(prompt, 'argv') !== null) return JSON.stringify(process.argv.slice(2));
  if (command(prompt, 'env') !== null) return JSON.stringify(Object.keys(process.env).sort());
  return command(prompt, 'say') ?? `prompts=${prompts.length}`;
}

/** What happens beside the answer. Resolves when it is time to answer, which may be never. */
export async function behave(prompt) {
  const pidFile = command(prompt, 'spawn-grandchild');
  if (pidFile !== null) spawnGrandchild(pidFile);
  if (command(prompt, 'noise') !== null) {
    emit({ type: 'event_of_the_future', secret: 'nothing' });
    print(1, 'this line is no JSON\n{"neither": is this\n\n');
  }
  const code = command(prompt, 'exit');
  if (code !== null) process.exit(Number(code));
  if (command(prompt, 'stubborn') !== null) {
    process.removeAllListeners('SIGTERM');
    process.on('SIGTERM', () => {});
    await forever();
  }
  if (command(prompt, 'sleep') !== null) await forever();
}

/** The end of a run that has answered. */
export function leave(prompt) {
  process.exitCode = Number(command(prompt, 'exit-after') ?? 0);
}

function spawnGrandchild(pidFile) {
  const script = 'setInterval(() => {}, 60_000)';
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  child.unref();
  writeFileSync(pidFile, String(child.pid));
}

function forever() {
  return new Promise(() => setInterval(() => {}, 60_000));
}
