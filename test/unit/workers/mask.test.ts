import { describe, expect, test } from 'vitest';
import { Mask, secretsIn } from '../../../src/workers/mask.ts';

const SECRET = 's3cr3t-tökén/with+signs?>>>';
const mask = new Mask([SECRET, 'other-secret', 'short']);

/** What comes out when `bytes` come in pieces of `size`. */
function inPieces(bytes: Buffer, size: number): string {
  const stream = mask.stream();
  const out = [];
  for (let at = 0; at < bytes.length; at += size) out.push(stream.push(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, stream.end()]).toString();
}

describe('a mask', () => {
  test('hides a secret as it is, and leaves the rest', () => {
    expect(mask.text(`a ${SECRET} b other-secret c short`)).toBe('a [secret] b [secret] c short');
  });

  test.each([0, 1, 2, 3, 4])('hides it in base64 with %i bytes before it', (before) => {
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = Buffer.from(`${'a'.repeat(before)}${SECRET}tail`).toString(encoding);
      expect(mask.text(encoded)).toMatch(/^.{0,6}\[secret\].{0,8}$/);
    }
  });

  test.each(['\n', '\r\n'])('hides it where it is broken into lines (%j)', (end) => {
    const secret = 'f00ba7'.repeat(20);
    const lines = (text: string) => text.replace(/.{76}/g, `$&${end}`);
    const text = lines(Buffer.from(`TOKEN=${secret}${end}`).toString('base64')) + lines(secret);
    const whole = new Mask([secret]);
    expect(whole.text(text)).not.toMatch(/f00ba|[a-zA-Z0-9]{12}/);
    const stream = whole.stream();
    const pieces = [...text].map((character) => stream.push(Buffer.from(character)));
    expect(Buffer.concat([...pieces, stream.end()]).toString()).toBe(whole.text(text));
  });

  test('hides the longer one of two that begin alike', () => {
    expect(new Mask(['abcdefgh', 'abcdefghij']).text('abcdefghij')).toBe('[secret]');
  });

  test('hides the longer one also where the shorter one comes first, and is all that comes', () => {
    const stream = new Mask(['abcdefgh', 'abcdefghij-klm']).stream();
    const said = ['x abcdefgh', 'ij-k', 'lm abcdefgh', 'ij'].map((piece) => stream.push(Buffer.from(piece)));
    expect(Buffer.concat([...said, stream.end()]).toString()).toBe('x [secret] [secret]ij');
  });

  test('hides it as JSON and URLs have it', () => {
    const secret = 'a "quoted" pass\\wörd';
    const text = `${JSON.stringify({ secret })} ?q=${encodeURIComponent(secret)}`;
    expect(new Mask([secret]).text(text)).toBe('{"secret":"[secret]"} ?q=[secret]');
  });

  test.each([1, 2, 3, 5, 7, 1000])('hides it in pieces of %i bytes', (size) => {
    const text = `x${SECRET}y ${Buffer.from(SECRET).toString('base64')} s3cr3t-tö other-secre`;
    expect(inPieces(Buffer.from(text), size)).toBe(mask.text(text));
    expect(mask.text(text)).not.toContain('s3cr3t-tökén');
  });

  test('holds back nothing that can be no secret', () => {
    const stream = mask.stream();
    expect(stream.push(Buffer.from('Password: ')).toString()).toBe('Password: ');
    expect(stream.push(Buffer.from('> s3cr')).toString()).toBe('> ');
    expect(stream.push(Buffer.from('!')).toString()).toBe('s3cr!');
  });

  test('leaves bytes that are no text as they are', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]);
    const stream = mask.stream();
    expect(Buffer.concat([stream.push(bytes), stream.end()])).toEqual(bytes);
  });

  test('of nothing changes nothing', () => {
    expect(new Mask([]).text('x')).toBe('x');
    expect(new Mask(['']).stream().push(Buffer.from('x')).toString()).toBe('x');
  });
});

test('secrets of an environment are the values of names that say so', () => {
  const env = {
    WORKER_TOKEN: 'a-token',
    AWS_SECRET_ACCESS_KEY: 'a-key',
    OPENAI_API_KEY: 'an-api-key',
    PGPASSWORD: 'a-password',
    SIGNING_KEY: 'a-signing-key',
    KEYBOARD: 'us',
    MONKEY: 'a-monkey',
    PATH: '/bin',
  };
  expect(secretsIn(env)).toEqual(['a-token', 'a-key', 'an-api-key', 'a-password', 'a-signing-key']);
});
