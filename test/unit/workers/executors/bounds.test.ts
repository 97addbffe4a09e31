import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Payload, PolledTask } from '../../../../src/http/contract/payload.ts';
import { editFile, readFile, writeFile } from '../../../../src/workers/executors/file.ts';
import { loadPolicy } from '../../../../src/workers/policy/policy-file.ts';
import { aContext } from '../../../support/child.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

function polledTask(payload: Payload): PolledTask {
  return { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null, ...payload };
}

/** A folder that tasks may use, beside one that they may not. */
function setUp() {
  const root = realpathSync(tempFolder());
  const [inside, outside] = [join(root, 'inside'), join(root, 'outside')];
  mkdirSync(inside);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  const file = join(root, 'policy.json');
  writeFileSync(file, JSON.stringify({ files: { read: [inside], write: [inside] }, cwd: [inside] }));
  const policy = loadPolicy(file, { home: root, dataDir: join(root, 'data') });
  const context = aContext({ policy });
  const read = (path: string, more: Partial<PolledTask> = {}) =>
    readFile({ ...polledTask({ type: 'file-read', path }), ...more } as PolledTask, context);
  const write = (path: string) =>
    writeFile(polledTask({ type: 'file-write', path, content: 'x', encoding: 'utf8' }), context);
  const edit = (path: string) => {
    const task = { type: 'file-edit', path, oldString: 'secret', newString: 'x', replaceAll: false } as const;
    return editFile(polledTask(task), context);
  };
  return { inside, outside, read, write, edit };
}

/** In the place of whatever is there: the one who writes makes folders that are missing. */
function move(from: string, to: string): void {
  for (;;) {
    rmSync(to, { recursive: true, force: true });
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      if (!/EISDIR|ENOTDIR|EEXIST|ENOTEMPTY/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

describe('the folders of a policy hold against', () => {
  test('dots in the path', async () => {
    const { inside, outside, read, write, edit } = setUp();
    const path = `${inside}/../outside/secret`;
    for (const use of [read, write, edit])
      await expect(use(path)).rejects.toThrow(/refused by policy: files/);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test('a link to a file', async () => {
    const { inside, outside, read, write, edit } = setUp();
    symlinkSync(join(outside, 'secret'), join(inside, 'link'));
    for (const use of [read, write, edit]) {
      await expect(use(join(inside, 'link'))).rejects.toThrow(/refused by policy: files/);
    }
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test('a link to a file that is not there yet', async () => {
    const { inside, outside, write } = setUp();
    symlinkSync(join(outside, 'new'), join(inside, 'link'));
    await expect(write(join(inside, 'link'))).rejects.toThrow(/refused by policy: files.write/);
    expect(existsSync(join(outside, 'new'))).toBe(false);
  });

  test('a link to a folder, also where folders would have to be made', async () => {
    const { inside, outside, read, write } = setUp();
    symlinkSync(outside, join(inside, 'link'));
    await expect(read(join(inside, 'link/secret'))).rejects.toThrow(/refused by policy: files.read/);
    for (const path of ['link/new', 'link/a/b/new']) {
      await expect(write(join(inside, path))).rejects.toThrow(/refused by policy: files.write/);
    }
    expect([existsSync(join(outside, 'new')), existsSync(join(outside, 'a'))]).toEqual([false, false]);
  });

  test('the other names that /proc has for a file', async () => {
    const { outside, read } = setUp();
    await expect(read(`/proc/self/root${outside}/secret`)).rejects.toThrow(/refused by policy: files.read/);
    await expect(read('/proc/self/environ')).rejects.toThrow(/refused by policy/);
  });

  test('a folder that becomes a link while it is written to, a thousand times', async () => {
    const { inside, outside, write } = setUp();
    const [folder, aside] = [join(inside, 'folder'), join(inside, 'aside')];
    mkdirSync(folder);
    const link = join(inside, 'link');
    symlinkSync(outside, link);
    let written = 0;
    let swapping = true;
    const swaps = (async () => {
      for (let isLink = false; swapping || isLink; isLink = !isLink) {
        if (isLink) move(folder, link);
        move(isLink ? aside : folder, isLink ? folder : aside);
        if (!isLink) move(link, folder);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 1_000; round += 1) {
      await write(join(folder, 'new')).then(
        ({ exitCode }) => {
          if (exitCode === 0) written += 1;
        },
        () => {},
      );
      if (existsSync(join(outside, 'new'))) break;
    }
    swapping = false;
    await swaps;
    expect(existsSync(join(outside, 'new'))).toBe(false);
    expect(written).toBeGreaterThan(0);
  });
});

test('a file task takes a relative path from the folder that it asks for, where it may', async () => {
  const { inside, outside, read } = setUp();
  writeFileSync(join(inside, 'file'), 'text');
  expect(await read('file', { cwd: inside })).toMatchObject({ stdout: 'text', error: null });
  await expect(read('../outside/secret', { cwd: inside })).rejects.toThrow(/refused by policy: files.read/);
  await expect(read('file', { cwd: outside })).rejects.toThrow(/refused by policy: cwd/);
  await expect(read('file', { env: { X: '1' } })).rejects.toThrow(/refused by policy: env has no "X"/);
  expect((await read('file', { cwd: join(inside, 'none') })).error).toMatch(
    /^could not start: .* does not exist/,
  );
});
