import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Webchat } from './chat.ts';
import { codeOf, messageOf } from './errors.ts';

/** What a chat talks about with one of the AI CLIs. */
export interface Conversation {
  /** The `sessionId` of its next task. */
  sessionId: string;
  /** The one that was asked for last; null when there was none. */
  lastTaskId: string | null;
}

/** A task whose outcome matters here. */
export interface Followed {
  /** Whose next task goes on where this one ends; null for none. */
  conversation: string | null;
  /** Where its outcome is to be written; null where the Task API sends it. */
  webchat: Webchat | null;
}

interface Remembered {
  conversations: Map<string, Conversation>;
  tasks: Map<string, Followed>;
}

/** Of each: the one that was not used for longest is forgotten. */
const MAX_ENTRIES = 1_000;

/** What outlives the gateway, in one file. */
export class Memory {
  readonly #fileOf: () => string;
  readonly #warn: (message: string) => void;
  #remembered: Remembered | undefined;

  /** `file` is asked at the first use: a gateway that only lists its plugins has no folder for it. */
  constructor(file: () => string, warn: (message: string) => void) {
    this.#fileOf = file;
    this.#warn = warn;
  }

  conversation(key: string): Conversation | undefined {
    return this.#all().conversations.get(key);
  }

  converse(key: string, conversation: Conversation): void {
    put(this.#all().conversations, key, conversation);
    this.#save();
  }

  forget(key: string): void {
    if (this.#all().conversations.delete(key)) this.#save();
  }

  task(taskId: string): Followed | undefined {
    return this.#all().tasks.get(taskId);
  }

  taskIds(): string[] {
    return [...this.#all().tasks.keys()];
  }

  follow(taskId: string, followed: Followed): void {
    put(this.#all().tasks, taskId, followed);
    this.#save();
  }

  settle(taskId: string): void {
    if (this.#all().tasks.delete(taskId)) this.#save();
  }

  #all(): Remembered {
    this.#remembered ??= this.#read();
    return this.#remembered;
  }

  /** What can't be read is kept aside: chats then begin anew, and somebody has to know why. */
  #read(): Remembered {
    const file = this.#fileOf();
    try {
      const { conversations, tasks } = JSON.parse(readFileSync(file, 'utf8'));
      return { conversations: mapOf(conversations), tasks: mapOf(tasks) };
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        const aside = `${file}.unreadable`;
        renameSync(file, aside);
        this.#warn(`Conversations begin anew, ${aside} could not be read: ${messageOf(error)}`);
      }
      return { conversations: new Map(), tasks: new Map() };
    }
  }

  /** Whole or not at all: it gets its name when it is on disk. */
  #save(): void {
    const file = this.#fileOf();
    const { conversations, tasks } = this.#all();
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const content = { conversations: Object.fromEntries(conversations), tasks: Object.fromEntries(tasks) };
    const next = `${file}.next`;
    writeFileSync(next, `${JSON.stringify({ version: 1, ...content }, null, 1)}\n`, {
      mode: 0o600,
      flush: true,
    });
    renameSync(next, file);
  }
}

function mapOf<T>(entries: Record<string, T>): Map<string, T> {
  if (typeof entries !== 'object' || entries === null) throw new Error('it is none of ours');
  return new Map(Object.entries(entries));
}

/** As the newest. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_ENTRIES && oldest !== undefined) map.delete(oldest);
}
