import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { databaseProblem, folderProblem, isExecutable, makeFolder } from '../../src/paths.ts';
import { tempFolder } from '../support/temp-folder.ts';

function aFile(path = join(tempFolder(), 'file')): string {
  writeFileSync(path, '');
  return path;
}

describe('a folder', () => {
  it('can be one that exists, or one that can be made', () => {
    const folder = tempFolder();
    expect(folderProblem(folder)).toBeNull();
    expect(folderProblem(join(folder, 'a', 'b'))).toBeNull();
  });

  it('is no file, and lies below none', () => {
    const file = aFile();
    expect(folderProblem(file)).toBe(`${file} is no folder`);
    expect(folderProblem(join(file, 'below'))).toBe(`${file} is no folder`);
  });

  it('is one that this user may write in', (context) => {
    if (process.getuid?.() === 0) context.skip('root may write everywhere');
    const folder = tempFolder();
    chmodSync(folder, 0o500);
    expect(folderProblem(join(folder, 'a'))).toBe(`this user may not write in ${folder}`);
  });

  it('is made with those above it, each with its mode', () => {
    const folder = tempFolder();
    makeFolder(join(folder, 'a', 'b'), 0o700);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    makeFolder(join(folder, 'a', 'b'));
  });

  it('that can not be made is an error at once, also where a recursive mkdir never ends', () => {
    expect(() => makeFolder(aFile())).toThrow('EEXIST');
    expect(() => makeFolder('/proc/none/below')).toThrow();
  });
});

describe('a database', () => {
  it('can be a file, or one that is to come in a folder that exists', () => {
    const folder = tempFolder();
    expect(databaseProblem(join(folder, 'new.db'))).toBeNull();
    expect(databaseProblem(aFile())).toBeNull();
    expect(databaseProblem(join(folder, 'missing', 'new.db'))).toContain('missing does not exist; create it');
  });

  it('is no folder and no device', () => {
    const folder = tempFolder();
    expect(databaseProblem(folder)).toBe(`${folder} is no file`);
    expect(databaseProblem('/dev/null')).toBe('/dev/null is no file');
    expect(existsSync(`${folder}.lock`)).toBe(false);
  });
});

it('a program is a file that may be executed, a folder is none', () => {
  const folder = tempFolder();
  const program = aFile(join(folder, 'program'));
  expect(isExecutable(program)).toBe(false);
  chmodSync(program, 0o700);
  expect(isExecutable(program)).toBe(true);
  symlinkSync(program, join(folder, 'link'));
  expect(isExecutable(join(folder, 'link'))).toBe(true);
  mkdirSync(join(folder, 'sub'));
  expect(isExecutable(join(folder, 'sub'))).toBe(false);
});
