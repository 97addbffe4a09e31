/** Queries and bodies of `/events`. */
import * as z from 'zod';
import { looseInt, optionalText, truthy } from './fields.ts';

/** `GET /events` → `{events}`, newest first. */
export const eventsQuery = z.object({
  limit: looseInt({ fallback: 50, min: 1, max: 500 }),
  taskId: optionalText,
  type: optionalText,
});

/** `POST /events/maintenance` → `{vacuumed, trim, before, after}` */
export const maintenanceBody = z.object({ vacuum: truthy });
