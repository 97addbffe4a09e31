/** Bodies and queries of live output. */
import * as z from 'zod';
import { OUTPUT_STREAMS, type OutputChunk } from '../../queue/task.ts';
import { messageId } from './events.ts';
import { boundedText } from './fields.ts';

/** What one chunk may have: pieces that a reader takes at once. */
export const MAX_CHUNK_CHARS = 65_536;

const SEQ = 'seq must be a positive integer: the number of the chunk in its attempt';

/** `POST /worker/output` → `{success: true}` */
export const outputBody = z.object({
  leaseId: boundedText('leaseId', 200),
  seq: z.int(SEQ).min(1, SEQ),
  stream: z.enum(OUTPUT_STREAMS, `stream must be one of ${OUTPUT_STREAMS.join(', ')}`),
  /** Well-formed, as it is stored and counted. */
  chunk: boundedText('chunk', MAX_CHUNK_CHARS).transform((text) => text.toWellFormed()),
});
/** As a runner sends it. */
export type OutputBody = z.input<typeof outputBody>;

/** `GET /tasks/:taskId/output` → Server-Sent Events: `event` = the stream, `data` = `OutputMessage`, last `end`. */
export const outputQuery = z.object({
  /** For clients that can't set the header `Last-Event-ID`, which comes before it. */
  lastEventId: messageId('lastEventId'),
});

/** `data` of a message with output. Its `id` says how many bytes of output there are up to its end. */
export type OutputMessage = Omit<OutputChunk, 'endsAt'>;
