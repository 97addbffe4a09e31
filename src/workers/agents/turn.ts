import type { Cause } from './cause.ts';
import type { AgentEvent, End } from './provider.ts';

/** What a CLI has said in one run, gathered line by line. */
export interface Turn {
  /** The CLI's own id; null until it names one. */
  sessionId: string | null;
  /** The first that it named: another after that is one that it was told to go on in. */
  takenUp: string | null;
  model: string | null;
  /** The CLI's version, where it tells. */
  version: string | null;
  /** The messages of the agent, in order; of very long talk the last ones. */
  messages: string[];
  /** How many characters these are. */
  chars: number;
  /** Whether the last message may still grow: a tool ends it. */
  open: boolean;
  /** It has called a tool: what is begun anew would be done twice. */
  acted: boolean;
  /** The tools that it was refused, each once. */
  denied: string[];
  /** The account's limit was reached. `resetsAt`: epoch milliseconds, null where it wasn't told. */
  limited: { resetsAt: number | null } | null;
  /** The last trouble that it told of. */
  trouble: { message: string; cause: Cause | null } | null;
  /** The last lines that were no JSON. */
  stray: string[];
  end: End | null;
}

/** Longer ones are no ids, and the Task API would refuse them. */
const ID_CHARS = 200;
/** More than a result has room for. */
const MESSAGE_CHARS = 32 * 1024 * 1024;
const STRAY_LINES = 20;
const STRAY_CHARS = 10_000;
const DENIED_TOOLS = 20;

export function newTurn(): Turn {
  return {
    sessionId: null,
    takenUp: null,
    model: null,
    version: null,
    messages: [],
    chars: 0,
    open: false,
    acted: false,
    denied: [],
    limited: null,
    trouble: null,
    stray: [],
    end: null,
  };
}

export function addEvent(turn: Turn, event: AgentEvent): void {
  switch (event.kind) {
    case 'session':
      if (event.id.length <= ID_CHARS) turn.sessionId = event.id;
      turn.takenUp ??= turn.sessionId;
      turn.model = event.model;
      turn.version = event.version ?? null;
      break;
    case 'message':
      addMessage(turn, event.text, event.continues);
      turn.model = event.model ?? turn.model;
      break;
    case 'tool':
      turn.open = false;
      turn.acted = true;
      break;
    case 'denied':
      turn.denied = [...new Set([...turn.denied, event.tool])].slice(0, DENIED_TOOLS);
      break;
    case 'limit':
      turn.limited = event.reached ? { resetsAt: event.resetsAt } : null;
      break;
    case 'trouble':
      turn.trouble = { message: event.message, cause: event.cause ?? null };
      break;
    case 'end':
      turn.end = event;
      break;
    case 'stray':
      turn.stray = [...turn.stray, startOf(event.line)].slice(-STRAY_LINES);
      break;
  }
}

function addMessage(turn: Turn, text: string, continues: boolean): void {
  if (continues && turn.open) turn.messages.push((turn.messages.pop() ?? '') + text);
  else turn.messages.push(text);
  turn.open = continues;
  turn.chars += text.length;
  if (turn.chars > 2 * MESSAGE_CHARS) forgetFirst(turn);
}

function forgetFirst(turn: Turn): void {
  while (turn.chars > MESSAGE_CHARS && turn.messages.length > 1)
    turn.chars -= turn.messages.shift()?.length ?? 0;
  if (turn.chars <= MESSAGE_CHARS) return;
  turn.messages = turn.messages.map((message) => message.slice(-MESSAGE_CHARS));
  turn.chars = MESSAGE_CHARS;
}

/** A mere slice would keep the whole line in memory. */
function startOf(line: string): string {
  return line.length <= STRAY_CHARS ? line : Buffer.from(line.slice(0, STRAY_CHARS)).toString();
}

/** The answer: what the CLI calls its result, else the agent's last message. */
export function finalText(turn: Turn): string {
  return turn.end?.text ?? turn.messages.at(-1) ?? '';
}

const SCREENSHOT = /^[ \t]*PLEASE_UPLOAD_TO_DISCORD:[ \t]*(\S.*\.png)[ \t]*$/m;

/** The picture that the agent asks to be shown. */
export function screenshotPath(turn: Turn): string | null {
  return SCREENSHOT.exec([...turn.messages, finalText(turn)].join('\n'))?.[1] ?? null;
}
