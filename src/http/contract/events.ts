/** Queries and bodies of `/events`. */
import * as z from 'zod';
import { looseInt, optionalText, truthy } from './fields.ts';

/** `GET /events` → `{events}`, newest first. */
export const eventsQuery = z.object({
  limit: looseInt({ fallback: 50, min: 1, max: 500 }),
  taskId: optionalText,
  type: optionalText,
});

/** The `id` that a message of a stream had: what follows on it is asked for. */
export function messageId(name: string) {
  return z
    .string()
    .regex(/^\d{1,15}$/, `${name} must be the id of a message of this stream`)
    .transform(Number)
    .exactOptional();
}

/** `GET /events/stream` → Server-Sent Events: `id` = `seq`, `event` = `type`, `data` = the event. */
export const eventStreamQuery = z.object({
  taskId: z.string().min(1, 'taskId must not be empty').exactOptional(),
  type: z.string().min(1, 'type must not be empty').exactOptional(),
  /** For clients that can't set the header, which comes before it. */
  lastEventId: messageId('lastEventId'),
});
export const eventStreamHeaders = z.object({ 'Last-Event-ID': messageId('Last-Event-ID') });

/** `data` of the message `gap`: events that this stream does not have. */
export interface Gap {
  /** The first and the last `seq` of them. */
  from: number;
  to: number;
  /** `trimmed`: they were removed; `unknown`: the reader knows them, and the Task API does not: a backup was restored. */
  reason: 'trimmed' | 'unknown';
}

/** `POST /events/maintenance` → `{vacuumed, trim, before, after}` */
export const maintenanceBody = z.object({ vacuum: truthy });
