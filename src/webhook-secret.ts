/** Signing secrets as Standard Webhooks write them: `whsec_` and base64; several, separated by blanks, while rotating. */

/** What the reference library decodes without guessing: the standard alphabet, at least 4 characters. */
const SECRET = /^whsec_(?=.{4})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Each of them, `whsec_` included. */
export function secretsIn(text: string): string[] {
  return text.split(/\s+/).filter((part) => part !== '');
}

/** A sentence without the text itself in it; null when one can sign with it. */
export function secretProblem(text: string): string | null {
  const secrets = secretsIn(text);
  if (secrets.length > 0 && secrets.every((secret) => SECRET.test(secret))) return null;
  return 'a webhook secret is whsec_ and base64; while rotating, several of them separated by blanks';
}
