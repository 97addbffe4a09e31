/** The ways to break the product on purpose that this proof has to see. */
import { BREAKS as COMMON } from '../support/sabotage.ts';

/** The edits of each break, for `brokenProduct`. */
export const BREAKS = {
  ...COMMON,
  /** A message leaves the outbox when it is about to be sent: what then fails or is killed is never told. */
  outbox: [
    {
      file: 'src/queue/sqlite/outbox.ts',
      find: "return this.#sql.attempt.get(row.id) ?? '';",
      put: `const text = this.#sql.attempt.get(row.id) ?? ''; this.#sql.remove.run(row.id);
        tx.count('callbacks/pending', -1);
        this.#next(row.stream);
        return text;`,
    },
  ],
  /** A message of several pieces that has to be tried again goes on one piece too far. */
  chunk: [
    {
      file: 'src/callbacks/courier.ts',
      find: 'if (chunk < row.chunksSent) continue;',
      put: 'if (chunk < row.chunksSent + Number(chunks.length > 1 && row.attempts > 1)) continue;',
    },
  ],
  /** Discord can't tell that a message is one that it has already: after a lost answer it is there twice. */
  nonce: [
    {
      file: 'src/callbacks/sinks/discord.ts',
      find: '    enforce_nonce: true,\n',
      put: '',
    },
  ],
  /** Each message is the first of its stream: while one waits for its next attempt, others go past it. */
  head: [
    {
      file: 'src/queue/sqlite/outbox.ts',
      find: 'const head = this.#sql.head.get(stream) === undefined ? 1 : 0;',
      put: 'const head = 1;',
    },
  ],
} as const satisfies Record<string, (typeof COMMON)[keyof typeof COMMON]>;

export type Break = keyof typeof BREAKS;
