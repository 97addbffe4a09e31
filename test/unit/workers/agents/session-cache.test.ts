import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SessionCache } from '../../../../src/workers/agents/session-cache.ts';
import { keptLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const RETENTION_MS = 1_800_000;
const answered = { callbackChannel: null, answered: true } as const;

function setUp(folder = tempFolder()) {
  const file = join(folder, 'data', 'session-cache.json');
  const clock = new ManualClock();
  const { log, lines } = keptLog();
  const open = () => new SessionCache(file, RETENTION_MS, { clock, log });
  return { file, clock, lines, open };
}

describe('the session cache', () => {
  it('knows after a restart which session stands behind a client id', () => {
    const { open, clock, file } = setUp();
    open().record({
      type: 'codex-cli',
      sessionId: 'thread-1',
      taskApiId: 'chat',
      callbackChannel: '42',
      answered: true,
    });
    expect(open().find('codex-cli', 'chat')).toEqual({
      type: 'codex-cli',
      sessionId: 'thread-1',
      taskApiId: 'chat',
      callbackChannel: '42',
      answered: true,
      lastActivity: clock.wall(),
    });
    expect(Array.isArray(JSON.parse(readFileSync(file, 'utf8')))).toBe(true);
  });

  it('keeps the sessions of two CLIs apart under one client id', () => {
    const cache = setUp().open();
    cache.record({ type: 'codex-cli', sessionId: 'thread', taskApiId: 'chat', ...answered });
    cache.record({ type: 'gemini-cli', sessionId: 'gem', taskApiId: 'chat', ...answered });
    expect(cache.find('codex-cli', 'chat')?.sessionId).toBe('thread');
    expect(cache.find('gemini-cli', 'chat')?.sessionId).toBe('gem');
    expect(cache.find('claude-cli', 'chat')).toBeUndefined();
  });

  it('replaces the session behind a client id', () => {
    const { open, file } = setUp();
    const cache = open();
    cache.record({ type: 'codex-cli', sessionId: 'one', taskApiId: 'chat', ...answered });
    cache.record({ type: 'codex-cli', sessionId: 'two', taskApiId: 'chat', ...answered });
    expect(cache.find('codex-cli', 'chat')?.sessionId).toBe('two');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(1);
  });

  it("finds a session by the CLI's own id too", () => {
    const cache = setUp().open();
    cache.record({ type: 'codex-cli', sessionId: 'thread-1', taskApiId: 'chat', ...answered });
    expect(cache.find('codex-cli', 'thread-1')?.taskApiId).toBe('chat');
  });

  it('reads the file of an older runner, whose entries name no CLI', () => {
    const { open, file, clock } = setUp();
    mkdirSync(join(file, '..'), { recursive: true });
    const entry = { sessionId: 'own', taskApiId: 'chat', lastActivity: clock.wall(), callbackChannel: null };
    writeFileSync(file, JSON.stringify([entry]));
    expect(open().find('claude-cli', 'chat')).toEqual(entry);
  });

  it.each([
    ['knows', 'is fresh', RETENTION_MS - 1, true],
    ['knows', 'is just at its limit', RETENTION_MS, true],
    ['has forgotten', 'is stale', RETENTION_MS + 1, false],
  ])('%s a session that %s', (_, _when, age, known) => {
    const { open, clock } = setUp();
    const cache = open();
    cache.record({ type: 'claude-cli', sessionId: 'own', taskApiId: 'chat', ...answered });
    clock.advance(age);
    expect(cache.find('claude-cli', 'chat') !== undefined).toBe(known);
  });

  it.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ])('neither forgets nor keeps longer when the clock jumps %s, and takes the later of two', (_way, jump) => {
    const { open, clock } = setUp();
    const cache = open();
    cache.record({ type: 'claude-cli', sessionId: 'own', taskApiId: 'chat', ...answered });
    clock.jump(jump);
    expect(cache.find('claude-cli', 'chat')?.sessionId).toBe('own');
    cache.record({ type: 'claude-cli', sessionId: 'later', taskApiId: 'own', ...answered });
    expect(cache.find('claude-cli', 'own')?.sessionId).toBe('later');
    clock.advance(RETENTION_MS + 1);
    expect(cache.find('claude-cli', 'chat')).toBeUndefined();
  });

  it('drops stale sessions from the file with the next one that is recorded', () => {
    const { open, clock, file } = setUp();
    const cache = open();
    cache.record({ type: 'claude-cli', sessionId: 'old', taskApiId: 'a', ...answered });
    clock.advance(RETENTION_MS + 1);
    cache.record({ type: 'claude-cli', sessionId: 'new', taskApiId: 'b', ...answered });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject([{ sessionId: 'new' }]);
  });

  it('is readable by its owner only, and leaves no temporary file', () => {
    const { open, file } = setUp();
    open().record({ type: 'claude-cli', sessionId: 'own', taskApiId: 'a', ...answered });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['session-cache.json']);
  });

  it.each([['{"half": '], ['{"no": "array"}'], ['[{"sessionId": 7}]']])(
    'sets a file aside that it can not understand: %s',
    (text) => {
      const { open, file, lines } = setUp();
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
      expect(open().find('claude-cli', 'chat')).toBeUndefined();
      expect(readFileSync(`${file}.unreadable`, 'utf8')).toBe(text);
      expect(existsSync(file)).toBe(false);
      expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('unreadable') }]);
    },
  );

  it('passes over entries that only another version of the runner understands', () => {
    const { open, file, clock, lines } = setUp();
    mkdirSync(join(file, '..'), { recursive: true });
    const entry = { sessionId: 'own', taskApiId: 'chat', lastActivity: clock.wall(), callbackChannel: null };
    writeFileSync(file, JSON.stringify([{ ...entry, type: 'cli-of-the-future' }, entry, 7]));
    expect(open().find('claude-cli', 'chat')).toEqual(entry);
    expect(existsSync(file)).toBe(true);
    expect(lines).toEqual([]);
  });

  it('keeps the last ten thousand sessions', () => {
    const { open, file, clock } = setUp();
    mkdirSync(join(file, '..'), { recursive: true });
    const entries = Array.from({ length: 10_000 }, (_, n) => ({
      sessionId: `own-${n}`,
      taskApiId: `chat-${n}`,
      lastActivity: clock.wall() - 1_000 + n / 100,
    }));
    writeFileSync(file, JSON.stringify(entries));
    const cache = open();
    cache.record({ type: 'claude-cli', sessionId: 'new', taskApiId: 'new', ...answered });
    expect(cache.find('claude-cli', 'chat-0')).toBeUndefined();
    expect(cache.find('claude-cli', 'chat-1')?.sessionId).toBe('own-1');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(10_000);
  });

  it('goes on in memory where its file can not be written, and says so', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'data'), 'a file where a folder should be');
    const { open, lines } = setUp(folder);
    const cache = open();
    cache.record({ type: 'claude-cli', sessionId: 'own', taskApiId: 'a', ...answered });
    expect(cache.find('claude-cli', 'a')?.sessionId).toBe('own');
    expect(lines.at(-1)).toMatchObject({ level: 'warn', msg: 'session cache could not be written' });
  });
});
