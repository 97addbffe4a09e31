import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Payload, PolledTask } from '../../../../src/http/contract/payload.ts';
import { editFile, readFile, writeFile } from '../../../../src/workers/executors/file.ts';
import { breakFolderSync } from '../../../support/broken-sync.ts';
import { aContext } from '../../../support/child.ts';
import { aPolicy } from '../../../support/policy.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

function task(payload: Payload): PolledTask {
  return { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null, ...payload };
}

const read = (path: string, encoding?: 'base64') =>
  readFile(task({ type: 'file-read', path, ...(encoding && { encoding }) }), aContext());
const write = (path: string, content: unknown, encoding: unknown = 'utf8') =>
  writeFile(task({ type: 'file-write', path, content, encoding }), aContext());
const edit = (path: string, oldString: unknown, newString: unknown, replaceAll: unknown = false) =>
  editFile(task({ type: 'file-edit', path, oldString, newString, replaceAll }), aContext());

const BINARY = Buffer.from([0, 255, 128, 13, 10, 27]);

describe('file-write', () => {
  test('makes the file and its parent folders', async () => {
    const path = join(tempFolder(), 'a/b/note.txt');
    expect(await write(path, 'héllo')).toEqual({
      stdout: `File written: ${path}`,
      stderr: '',
      exitCode: 0,
      error: null,
    });
    expect(readFileSync(path, 'utf8')).toBe('héllo');
  });

  test('decodes base64', async () => {
    const path = join(tempFolder(), 'binary');
    await write(path, BINARY.toString('base64'), 'base64');
    expect(readFileSync(path)).toEqual(BINARY);
  });

  test.each([
    ['nothing', null, ''],
    ['an object', { a: [1] }, '{"a":[1]}'],
    ['a number', 7, '7'],
  ])('takes %s for its JSON text', async (_, content, text) => {
    const path = join(tempFolder(), 'any');
    await write(path, content);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('takes base64 of any kind, and refuses what is none', async () => {
    const path = join(tempFolder(), 'binary');
    expect(await write(path, '_-8=\r\n', 'base64')).toMatchObject({ exitCode: 0 });
    expect(readFileSync(path)).toEqual(Buffer.from([255, 239]));
    for (const content of ['data:image/png;base64,AAAA', '***', 'AA=A']) {
      const refused = { exitCode: 1, error: 'content is not valid base64' };
      expect(await write(path, content, 'base64')).toMatchObject(refused);
    }
    expect(readFileSync(path)).toEqual(Buffer.from([255, 239]));
  });

  test('refuses an encoding that nobody knows', async () => {
    const path = join(tempFolder(), 'x');
    expect(await write(path, 'x', 'klingon')).toMatchObject({
      exitCode: 1,
      error: 'unknown encoding: klingon',
    });
  });

  test('keeps the mode of the file and leaves nothing beside it', async () => {
    const folder = tempFolder();
    const path = join(folder, 'script');
    writeFileSync(path, 'old');
    chmodSync(path, 0o751);
    await write(path, 'new');
    expect(statSync(path).mode & 0o7777).toBe(0o751);
    expect(readdirSync(folder)).toEqual(['script']);
  });

  test('replaces the file as a whole: who has the old one open still reads the old one', async () => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, 'old');
    const before = statSync(path).ino;
    await write(path, 'new');
    expect(statSync(path).ino).not.toBe(before);
  });

  test('writes through a symbolic link, also to a file that is not there yet', async () => {
    const folder = tempFolder();
    const [link, target] = [join(folder, 'link'), join(folder, 'target')];
    symlinkSync('target', link);
    await write(link, 'one');
    await write(link, 'two');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('two');
  });

  test('refuses folders, devices and links in a circle', async () => {
    const folder = tempFolder();
    const loop = join(folder, 'loop');
    symlinkSync('loop', loop);
    expect(await write(folder, 'x')).toMatchObject({ exitCode: 1, error: 'is a folder' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await write(join(folder, 'pipe'), 'x')).toMatchObject({
      exitCode: 1,
      error: 'is no regular file',
    });
    expect(await write(loop, 'x')).toMatchObject({ exitCode: 1, error: 'too many symbolic links' });
  });

  test('fails when the name of the file may be lost', async () => {
    const path = join(tempFolder(), 'note.txt');
    await breakFolderSync('EIO');
    const error = 'EIO: of the test';
    expect(await write(path, 'new')).toMatchObject({ exitCode: 1, error, stderr: `${path}: ${error}` });
  });

  test('says why a file can not be made', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), '');
    const result = await write(join(folder, 'file/below'), 'x');
    expect(result).toMatchObject({ exitCode: 1, error: expect.stringMatching(/^(ENOTDIR|EEXIST)/) });
  });
});

describe('file-read', () => {
  test('answers with the content', async () => {
    const path = join(tempFolder(), 'note');
    writeFileSync(path, '\ufeffhéllo 🦀\n');
    expect(await read(path)).toEqual({ stdout: '\ufeffhéllo 🦀\n', stderr: '', exitCode: 0, error: null });
  });

  test('says that a file is missing', async () => {
    const path = join(tempFolder(), 'missing');
    expect(await read(path)).toMatchObject({
      stdout: '',
      exitCode: 1,
      error: 'File not found',
      stderr: `${path}: File not found`,
    });
  });

  test('gives binary content as base64, and says so where it was not asked for', async () => {
    const path = join(tempFolder(), 'binary');
    writeFileSync(path, BINARY);
    expect((await read(path, 'base64')).stdout).toBe(BINARY.toString('base64'));
    expect(await read(path)).toMatchObject({
      stdout: '',
      exitCode: 1,
      error: expect.stringContaining('not valid UTF-8'),
    });
  });

  test.each([
    ['the bytes', 5 * 1024 * 1024, 'x', undefined],
    ['its JSON', 1024 * 1024, '\u0001', undefined],
    ['its base64', 4 * 1024 * 1024, 'x', 'base64'],
  ] as const)(
    'fails, never with a part, where %s would not fit a result',
    async (_, size, character, encoding) => {
      const path = join(tempFolder(), 'large');
      writeFileSync(path, character.repeat(size));
      expect(await read(path, encoding)).toMatchObject({ stdout: '', exitCode: 1, error: 'file too large' });
    },
  );

  test('reads no more of a huge file than it needs to refuse it', async () => {
    const path = join(tempFolder(), 'huge');
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    expect((await read(path)).error).toBe('file too large');
  });

  test('refuses folders and what is no file', async () => {
    expect(await read(tempFolder())).toMatchObject({ exitCode: 1, error: 'is a folder' });
    expect(await read('/dev/zero')).toMatchObject({ exitCode: 1, error: 'is no regular file' });
  });
});

describe('file-edit', () => {
  const fileWith = (text: string) => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, text);
    return path;
  };

  test('puts one text in the place of another, literally', async () => {
    const path = fileWith('price: $1 (.*) end');
    expect(await edit(path, '$1 (.*)', '$& $` $1 \\n')).toMatchObject({
      stdout: `File edited: ${path}`,
      exitCode: 0,
    });
    expect(readFileSync(path, 'utf8')).toBe('price: $& $` $1 \\n end');
  });

  test('refuses a text that occurs more than once, unless all are meant', async () => {
    const path = fileWith('a b a b a');
    const refused = await edit(path, 'a', 'c');
    expect(refused).toMatchObject({
      exitCode: 1,
      error: 'old_string not unique',
      stderr: expect.stringContaining('3'),
    });
    expect(readFileSync(path, 'utf8')).toBe('a b a b a');
    await edit(path, 'a', 'c', true);
    expect(readFileSync(path, 'utf8')).toBe('c b c b c');
  });

  test('says what is not there', async () => {
    expect(await edit(fileWith('text'), 'other', 'x')).toMatchObject({
      exitCode: 1,
      error: 'old_string not found',
    });
    expect(await edit(join(tempFolder(), 'no'), 'a', 'b')).toMatchObject({
      exitCode: 1,
      error: 'File not found',
    });
    expect(await edit(fileWith('text'), '', 'x')).toMatchObject({
      exitCode: 1,
      error: 'old_string is empty',
    });
  });

  test('damages no binary file', async () => {
    const path = fileWith('');
    writeFileSync(path, BINARY);
    expect((await edit(path, '\u001b', 'x')).exitCode).toBe(1);
    expect(readFileSync(path)).toEqual(BINARY);
  });
});

describe('a path', () => {
  test('may begin in the home folder', () => {
    const policy = aPolicy();
    expect(policy.place('~/a/b')).toBe(join(homedir(), 'a/b'));
    expect(policy.place('~')).toBe(homedir());
    expect(policy.place('a')).toBe(join(homedir(), 'a'));
    expect(policy.place('/a/~/b')).toBe('/a/~/b');
  });

  test('of a task is told as it was given', async () => {
    const folder = join(tempFolder(), 'x');
    mkdirSync(folder);
    const path = `${folder}/../x/file`;
    expect((await write(path, '')).stdout).toBe(`File written: ${path}`);
  });
});
