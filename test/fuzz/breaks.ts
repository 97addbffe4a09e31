/** Breaks of the product that the fuzz run has to see. */

type Edit = { file: string; find: string; put: string };

export const FUZZ_BREAKS: Readonly<Record<string, readonly Edit[]>> = {
  /** Whatever is given as a token is one: `unauthorizedAccepted`. */
  auth: [
    {
      file: 'src/http/middleware/auth.ts',
      find: 'const isToken = given !== undefined && timingSafeEqual(sha256(given), expected);',
      put: 'const isToken = given !== undefined && expected.length > 0;',
    },
  ],
  /** A text that has to be there may be anything: `storedGarbage`. */
  schema: [
    {
      file: 'src/http/contract/fields.ts',
      find: 'return z.string(message).trim().min(1, message);',
      put: 'return z.any().transform((text) => text ?? message);',
    },
  ],
  /** Refusals become errors of the server, in the web framework's own words: `serverErrors`. */
  errors: [
    {
      file: 'src/http/middleware/errors.ts',
      find: 'const known = error instanceof AppError ? error : unforeseen(error, log, ctx.state.route);',
      put: 'const known = unforeseen(error, log, ctx.state.route);',
    },
  ],
  /** What is no HTTP ends the process: `crashes`. */
  crash: [
    {
      file: 'src/listen.ts',
      find: "server.on('clientError', refuseMalformed);",
      put: "server.on('clientError', (error) => { throw error; });",
    },
  ],
  /** Something is kept of every request: `rssGrowthMiB`. */
  leak: [
    {
      file: 'src/http/middleware/request-log.ts',
      find: 'const start = clock.steady();',
      put: 'const start = clock.steady(); ((globalThis as { kept?: Buffer[] }).kept ??= []).push(Buffer.alloc(65_536, 1));',
    },
  ],
};
