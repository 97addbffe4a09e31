import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { runnerIdOf } from '../../../src/workers/identity.ts';
import { UUID } from '../../support/http.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('the id of a runner is made once, and kept in its data folder', async () => {
  const folder = tempFolder();
  const id = await runnerIdOf(folder, null);
  expect(id).toMatch(UUID);
  expect(readdirSync(folder)).toEqual(['runner-id']);
  expect(await runnerIdOf(folder, null)).toBe(id);
  expect(await runnerIdOf(tempFolder(), null)).not.toBe(id);
});

test('a given id wins, and changes nothing that is kept', async () => {
  const folder = tempFolder();
  expect(await runnerIdOf(folder, 'mine')).toBe('mine');
  expect(readdirSync(folder)).toEqual([]);
});

test('a person may have written it, with blanks around it', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'runner-id'), '  the mac mini \r\n');
  expect(await runnerIdOf(folder, null)).toBe('the mac mini');
});

test.each(['', ' \n'])('an empty file (%j) holds none: a new one is made and kept', async (text) => {
  const folder = tempFolder();
  const path = join(folder, 'runner-id');
  writeFileSync(path, text);
  const id = await runnerIdOf(folder, null);
  expect(id).toMatch(UUID);
  expect(readFileSync(path, 'utf8')).toBe(`${id}\n`);
});

test.each(['x'.repeat(201), 'two\nlines'])('a file that holds no id is left as it is', async (text) => {
  const folder = tempFolder();
  const path = join(folder, 'runner-id');
  writeFileSync(path, text);
  await expect(runnerIdOf(folder, null)).rejects.toThrow(`${path} holds no id: one line of at most 200`);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('what can not be read is an error: another id would lose the sessions that are bound to it', async () => {
  const path = join(tempFolder(), 'runner-id');
  // In its place there could be a new file.
  symlinkSync(path, path);
  await expect(runnerIdOf(dirname(path), null)).rejects.toThrow('ELOOP');
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
});
