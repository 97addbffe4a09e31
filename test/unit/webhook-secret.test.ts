import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { secretProblem, secretsIn } from '../../src/webhook-secret.ts';

/** Keys of 3 to 40 bytes, with every character of the alphabet and every padding among them. */
const KEYS = Array.from({ length: 38 }, (_, index) =>
  Buffer.alloc(index + 3, Buffer.from([251, 255, index])),
);

describe('a webhook secret', () => {
  it('signs as HMAC-SHA256 with the bytes of its base64, padded or not', () => {
    for (const key of KEYS) {
      const padded = `whsec_${key.toString('base64')}`;
      const expected = createHmac('sha256', key).update('id.1700000000.{}').digest('base64');
      for (const secret of [padded, padded.replace(/=+$/, '')]) {
        expect(secretProblem(secret), secret).toBeNull();
        const signature = new Webhook(secret).sign('id', new Date(1_700_000_000_000), '{}');
        expect(signature, secret).toBe(`v1,${expected}`);
      }
    }
  });

  it('may be several, with any blanks between and around', () => {
    const text = ' whsec_AAAA\twhsec_BBBB\n';
    expect(secretProblem(text)).toBeNull();
    expect(secretsIn(text)).toEqual(['whsec_AAAA', 'whsec_BBBB']);
  });

  it.each([
    '',
    '  ',
    'whsec_',
    'whsec_A',
    'whsec_AB',
    'whsec_AB=',
    'whsec_AAAAA',
    'whsec_AAAAA=',
    'whsec_AAAAAA===',
    'whsec_AA=AAAAA',
    'whsec_url-safe_',
    'whsec_not base64!',
    'whsec_AAAA,whsec_BBBB',
    'whsec_AAAA whsec_!',
    'AAAABBBBCCCC',
    'WHSEC_AAAA',
  ])('is not %j, which is not shown', (text) => {
    const problem = secretProblem(text);
    expect(problem).toMatch(/^a webhook secret is whsec_ and base64/);
    for (const part of secretsIn(text)) if (part !== 'whsec_') expect(problem).not.toContain(part);
  });
});
