/** What the plugin knows of chats and their tasks, over restarts of the gateway. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Memory } from '../../../plugin/src/memory.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const mode = (path: string) => statSync(path).mode & 0o777;
const TALK = { sessionId: 's1', lastTaskId: 't1' };
const FOLLOWED = { conversation: 'claude a', webchat: { agentId: 'main', sessionKey: 'agent:main:main' } };

/** A place for it, and each start of the gateway on it. */
function aFile() {
  const folder = join(tempFolder(), 'state', 'openclaw-runner');
  const file = join(folder, 'memory.json');
  const warnings: string[] = [];
  const open = () =>
    new Memory(
      () => file,
      (message) => void warnings.push(message),
    );
  const put = (text: string) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  };
  return { folder, file, warnings, open, put };
}

describe('a conversation', () => {
  it('is there after a new start', () => {
    const { open, warnings } = aFile();
    const first = open();
    first.converse('claude a', { sessionId: 's1', lastTaskId: null });
    first.converse('codex a', { sessionId: 's2', lastTaskId: null });
    first.converse('claude a', TALK);
    for (const memory of [first, open()]) {
      expect(memory.conversation('claude a')).toEqual(TALK);
      expect(memory.conversation('codex a')).toEqual({ sessionId: 's2', lastTaskId: null });
      expect(memory.conversation('claude b')).toBeUndefined();
    }
    expect(warnings).toEqual([]);
  });

  it('is gone once it is forgotten, after a new start too', () => {
    const { open } = aFile();
    const first = open();
    first.converse('a', TALK);
    first.forget('a');
    expect([first.conversation('a'), open().conversation('a')]).toEqual([undefined, undefined]);
  });
});

describe('a task that is followed', () => {
  it('is there after a new start, until it is settled', () => {
    const { open } = aFile();
    const first = open();
    first.follow('t1', FOLLOWED);
    first.follow('t2', { conversation: null, webchat: null });
    const second = open();
    expect(second.taskIds()).toEqual(['t1', 't2']);
    expect(second.task('t1')).toEqual(FOLLOWED);
    second.settle('t1');
    for (const memory of [second, open()]) {
      expect(memory.taskIds()).toEqual(['t2']);
      expect(memory.task('t1')).toBeUndefined();
    }
  });

  it('and a conversation know nothing of each other', () => {
    const { open } = aFile();
    const memory = open();
    memory.converse('x', TALK);
    memory.follow('x', FOLLOWED);
    memory.forget('x');
    expect(open().task('x')).toEqual(FOLLOWED);
    memory.converse('x', TALK);
    memory.settle('x');
    expect(open().conversation('x')).toEqual(TALK);
  });
});

describe('the file', () => {
  it('is nobody else’s, and neither is its folder', () => {
    const { file, folder, open } = aFile();
    open().converse('a', TALK);
    expect([mode(file), mode(folder)]).toEqual([0o600, 0o700]);
    expect(readdirSync(folder)).toEqual(['memory.json']);
  });

  it('is written whole or not at all', () => {
    const { file, open } = aFile();
    const memory = open();
    memory.converse('a', TALK);
    // What can't be written: the name that is written first is taken by a folder.
    mkdirSync(`${file}.next`);
    expect(() => memory.converse('a', { ...TALK, sessionId: 'new' })).toThrow('EISDIR');
    expect(open().conversation('a')).toEqual(TALK);
  });

  it('is not looked for before somebody needs it', () => {
    const file = vi.fn(() => join(tempFolder(), 'memory.json'));
    const memory = new Memory(file, () => {});
    expect(file).not.toHaveBeenCalled();
    memory.taskIds();
    expect(file).toHaveBeenCalled();
  });

  it('is not there as long as there is nothing to remember', () => {
    const { folder, open } = aFile();
    const memory = open();
    expect([memory.conversation('a'), memory.task('a'), memory.taskIds()]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    memory.forget('a');
    memory.settle('a');
    expect(existsSync(folder)).toBe(false);
  });
});

describe('of a thousand', () => {
  it('conversations the one that was not used for longest is forgotten', () => {
    const { open, put } = aFile();
    const all = Array.from({ length: 1_000 }, (_, n) => [`chat ${n}`, TALK]);
    put(JSON.stringify({ version: 1, conversations: Object.fromEntries(all), tasks: {} }));
    const first = open();
    first.converse('chat 0', TALK);
    first.converse('one more', TALK);
    for (const memory of [first, open()]) {
      const known = ['chat 0', 'chat 1', 'chat 2', 'chat 999', 'one more'].filter((key) =>
        memory.conversation(key),
      );
      expect(known).toEqual(['chat 0', 'chat 2', 'chat 999', 'one more']);
    }
  });

  it('tasks the one that is followed for longest is forgotten', () => {
    const { open, put } = aFile();
    const all = Array.from({ length: 1_000 }, (_, n) => [`task ${n}`, FOLLOWED]);
    put(JSON.stringify({ version: 1, conversations: {}, tasks: Object.fromEntries(all) }));
    const memory = open();
    memory.follow('one more', FOLLOWED);
    expect([memory.taskIds().length, memory.taskIds()[0]]).toEqual([1_000, 'task 1']);
  });
});

describe('a file that can’t be read', () => {
  it.each([
    ['half of it', '{"version": 1, "conversations": {"a": {"sess'],
    ['nothing', ''],
    ['something else', '{"version": 1}'],
    ['null', 'null'],
    ['no tasks', '{"version": 1, "conversations": {}}'],
  ])('with %s in it is set aside, and everything begins anew', (_what, text) => {
    const { file, warnings, open, put } = aFile();
    put(text);
    const memory = open();
    expect([memory.taskIds(), memory.conversation('a')]).toEqual([[], undefined]);
    expect(warnings).toEqual([
      expect.stringMatching(/^Conversations begin anew, .*memory\.json\.unreadable could not be read: ./),
    ]);
    expect(readFileSync(`${file}.unreadable`, 'utf8')).toBe(text);
    memory.converse('a', TALK);
    expect(open().conversation('a')).toEqual(TALK);
    expect(warnings).toHaveLength(1);
  });
});
