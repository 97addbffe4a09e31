import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { openSecretBox, SecretUnavailable } from '../../src/secrets.ts';

const TOKEN = 'bot-token-Ünïcode-🤖';
let folder: string;
let keyFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  keyFile = join(folder, 'tasks.db.key');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the key file', () => {
  it('is made at first use with 32 bytes that only its owner reads, and leaves no draft behind', () => {
    openSecretBox({ keyFile });
    expect(readFileSync(keyFile)).toHaveLength(32);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['tasks.db.key']);
  });

  it('opens after a restart what was sealed before', () => {
    const sealed = openSecretBox({ keyFile }).seal(TOKEN);
    expect(openSecretBox({ keyFile }).open(sealed)).toBe(TOKEN);
  });

  it('refuses to start with a file that is no key, and leaves it as it is', () => {
    writeFileSync(keyFile, 'short');
    expect(() => openSecretBox({ keyFile })).toThrow(StartError);
    expect(readFileSync(keyFile, 'utf8')).toBe('short');
  });

  it('refuses to start with one sentence where it cannot be made', () => {
    writeFileSync(join(folder, 'file'), '');
    const impossible = join(folder, 'file', 'key');
    expect(() => openSecretBox({ keyFile: impossible })).toThrow(/^The key file .* can't be used: .*\.$/);
  });

  it('is not touched when the environment brings a key', () => {
    openSecretBox({ keyFile, key: 'from the environment' });
    expect(existsSync(keyFile)).toBe(false);
  });
});

describe('sealing', () => {
  it('hides the text, and gives it back', () => {
    const box = openSecretBox({ keyFile });
    const sealed = box.seal(TOKEN);
    expect(sealed).toMatch(/^v1\.[\w-]+$/);
    expect(Buffer.from(sealed.slice(3), 'base64url').includes('bot-token')).toBe(false);
    expect(box.open(sealed)).toBe(TOKEN);
    expect(box.open(box.seal(''))).toBe('');
  });

  it('seals the same text alike, so that callbacks with one token are one stream', () => {
    const box = openSecretBox({ keyFile });
    expect(box.seal(TOKEN)).toBe(box.seal(TOKEN));
    expect(box.seal(TOKEN)).not.toBe(box.seal(`${TOKEN}.`));
  });

  it('gives the same key for the same text of the environment, whatever the file', () => {
    const sealed = openSecretBox({ keyFile, key: 'a long passphrase' }).seal(TOKEN);
    expect(openSecretBox({ keyFile: join(folder, 'other'), key: 'a long passphrase' }).open(sealed)).toBe(
      TOKEN,
    );
  });
});

describe('opening', () => {
  it('says that the key is unavailable when another one sealed the text', () => {
    const sealed = openSecretBox({ keyFile }).seal(TOKEN);
    const other = openSecretBox({ keyFile, key: 'another' });
    expect(() => other.open(sealed)).toThrow(SecretUnavailable);
    expect(() => other.open(sealed)).toThrow(expect.objectContaining({ code: 'key_unavailable' }));
  });

  it('refuses a text that was changed, cut short, of another version or never sealed', () => {
    const box = openSecretBox({ keyFile });
    const sealed = box.seal(TOKEN);
    const other = sealed[30] === 'A' ? 'B' : 'A';
    const changed = [
      sealed.slice(0, 30) + other + sealed.slice(31),
      sealed.slice(0, 20),
      `v2${sealed.slice(2)}`,
      TOKEN,
      '',
    ];
    for (const text of changed) expect(() => box.open(text)).toThrow(SecretUnavailable);
  });
});
