/**
 * Keeps bot tokens unreadable on disk: AES-256-GCM under a key that lies beside the database, or comes from the
 * environment. The same text seals to the same text, so that a stream of callbacks can be told by its sealed
 * credential; the price is that whoever reads the database sees which callbacks share a token.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scryptSync } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from './errors.ts';
import { syncNames } from './paths.ts';

const VERSION = 'v1';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface SecretBox {
  /** A printable text, `v1.<base64url>`, that only this key opens. */
  seal(plain: string): string;
  /** Throws `SecretUnavailable` for a text that another key sealed, or that was changed. */
  open(sealed: string): string;
}

/** The key that sealed a text is not the one that we have. Holds nothing of the secret. */
export class SecretUnavailable extends Error {
  override readonly name = 'SecretUnavailable';
  readonly code = 'key_unavailable';

  constructor() {
    super('a stored secret was sealed with another key');
  }
}

/** Where the key of a database lies. */
export function keyFileOf(taskDb: string): string {
  return `${taskDb}.key`;
}

/**
 * `key` (OPENCLAW_SECRET_KEY, any text) wins over `keyFile` (32 random bytes, 0600), which is made at first use.
 * `StartError` when the file can't be made, read or is no key.
 */
export function openSecretBox(options: { keyFile: string; key?: string | undefined }): SecretBox {
  const key = options.key ? scryptSync(options.key, 'openclaw-runner', KEY_BYTES) : readKey(options.keyFile);
  const cipherKey = subkey(key, 'seal');
  const ivKey = subkey(key, 'iv');
  return {
    seal(plain) {
      const iv = createHmac('sha256', ivKey).update(plain).digest().subarray(0, IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, iv);
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return `${VERSION}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed) {
      try {
        return decipher(cipherKey, sealed);
      } catch {
        throw new SecretUnavailable();
      }
    },
  };
}

function decipher(key: Buffer, sealed: string): string {
  const [version, text = ''] = sealed.split('.', 2);
  if (version !== VERSION) throw new Error('unknown format');
  const bytes = Buffer.from(text, 'base64url');
  const opener = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  opener.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const body = bytes.subarray(IV_BYTES + TAG_BYTES);
  return Buffer.concat([opener.update(body), opener.final()]).toString('utf8');
}

function subkey(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `openclaw-runner ${purpose}`, KEY_BYTES));
}

function readKey(path: string): Buffer {
  let key: Buffer;
  try {
    key = readExisting(path) ?? createKey(path);
    // Before anything is sealed with it: a power failure must not take the key and leave what it sealed.
    syncNames(dirname(path));
  } catch (error) {
    throw new StartError(`The key file ${path} can't be used: ${(error as Error).message}.`);
  }
  if (key.length === KEY_BYTES) return key;
  throw new StartError(
    `The key file ${path} holds ${key.length} bytes instead of ${KEY_BYTES}: restore it, or remove it and lose the stored bot tokens.`,
  );
}

function readExisting(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Written beside, then linked to its name: the file is whole from its first moment, and the first maker wins. */
function createKey(path: string): Buffer {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeDurably(draft, randomBytes(KEY_BYTES));
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path);
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
