/** The ways to break the product on purpose that this proof has to see. */
import { BREAKS as COMMON } from '../support/sabotage.ts';

/** What `--break sync` sets instead of FULL. */
export const LEVELS = ['off', 'normal'] as const;
export type Level = (typeof LEVELS)[number];

/** The edits of each break, for `brokenProduct`. */
export const BREAKS = {
  sync: (level: Level) =>
    COMMON.sync.map((edit) => ({ ...edit, put: edit.put.replace('OFF', level.toUpperCase()) })),
  /** Events are deleted from the one file before their copy in the other is on disk. */
  copy: () => [
    {
      file: 'src/queue/sqlite/side-work.ts',
      find: 'makeDurable(this.#events);',
      put: "this.#events.pragma('synchronous = OFF');",
    },
  ],
  /** A result is sent before its bytes are on disk. */
  spool: () => [{ file: 'src/workers/durable.ts', find: '      await file.sync();\n', put: '' }],
  /** A result is sent before its file's name is on disk. */
  name: () => [{ file: 'src/workers/durable.ts', find: '  await syncFolder(dirname(path));\n', put: '' }],
} satisfies Record<string, (level: Level) => object[]>;

export type Break = keyof typeof BREAKS;
