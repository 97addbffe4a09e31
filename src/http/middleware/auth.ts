import { createHash, timingSafeEqual } from 'node:crypto';

/** Tells whether an `Authorization` header carries the token. Keeps only its hash, and compares in constant time. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token);
  // Node has trimmed the header already.
  return (authorization = '') => {
    const given = /^bearer[ \t]+(.*)$/i.exec(authorization)?.[1];
    return given !== undefined && timingSafeEqual(sha256(given), expected);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
