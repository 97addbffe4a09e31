import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataFolderAt, openDataFolder, tokenOf } from '../../src/data-folder.ts';
import { StartError } from '../../src/errors.ts';
import { readOwnToken, readToken, tokenProblem } from '../../src/token.ts';
import { tempFolder } from '../support/temp-folder.ts';

const OLDER_WORDS = 'WORKER_TOKEN is not set or too weak (must be >= 16 chars, cannot use default)';

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

describe('a token', () => {
  it.each([
    undefined,
    '',
    'short',
    '123456789012345',
    'change-me-to-a-real-token',
    'CHANGE_ME_PLEASE_NOW',
    'changeme-changeme',
  ])('%j is refused in the words of the older system', (token) => {
    expect(tokenProblem(token)).toContain(OLDER_WORDS);
  });

  it.each(['a token with blanks in it', 'a-token-with-a-newline\n', 'ein-schönes-langes-token'])(
    '%j is refused, since no header carries it',
    (token) => {
      expect(tokenProblem(token)).toContain('HTTP header');
    },
  );

  it('of sixteen characters is taken', () => {
    expect(tokenProblem('1234567890123456')).toBeNull();
  });
});

describe('the data folder', () => {
  it('is made for its owner alone, with a strong token that stays', () => {
    const folder = dataFolderAt(join(tempFolder(), 'deep', 'data'));
    const token = tokenOf(folder);
    expect(modeOf(folder.path)).toBe(0o700);
    expect(modeOf(folder.tokenFile)).toBe(0o600);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenOf(folder)).toBe(token);
    expect(readdirSync(folder.path)).toEqual(['token']);
  });

  it('that is open to others is refused, and left as it is', () => {
    const path = tempFolder();
    chmodSync(path, 0o755);
    expect(() => openDataFolder(dataFolderAt(path))).toThrow(`chmod 700 ${path}`);
    expect(modeOf(path)).toBe(0o755);
  });

  it('that is a file is refused with a sentence', () => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, '');
    expect(() => openDataFolder(dataFolderAt(path))).toThrow(StartError);
    expect(() => openDataFolder(dataFolderAt(join(path, 'below')))).toThrow(StartError);
  });
});

describe('the token file', () => {
  it('that others can read is refused', () => {
    const folder = dataFolderAt(tempFolder());
    tokenOf(folder);
    chmodSync(folder.tokenFile, 0o640);
    expect(() => tokenOf(folder)).toThrow(`chmod 600 ${folder.tokenFile}`);
  });

  it('that holds no usable token is refused without showing it', () => {
    const folder = dataFolderAt(tempFolder());
    writeFileSync(folder.tokenFile, 'weak-one', { mode: 0o600 });
    expect(() => tokenOf(folder)).toThrow(/holds no usable token/);
    expect(() => tokenOf(folder)).not.toThrow(/weak-one/);
    expect(readFileSync(folder.tokenFile, 'utf8')).toBe('weak-one');
  });

  it('may end with a line end', () => {
    const path = join(tempFolder(), 'token');
    writeFileSync(path, '1234567890123456\r\n', { mode: 0o600 });
    expect(readToken(path)).toBe('1234567890123456');
  });

  it('that is missing says where a token comes from', () => {
    expect(() => readOwnToken('/no/such/token')).toThrow(/set WORKER_TOKEN .* makes \/no\/such\/token/);
    expect(() => readToken('/no/such/token')).toThrow(/can't be read/);
  });
});
