/** `POST /notify` → `{ok: true}` */
import * as z from 'zod';
import { requiredText, spokenText } from './fields.ts';

const REQUIRED = 'channel and message are required';

export const notifyBody = z.object({ channel: requiredText(REQUIRED), message: spokenText(REQUIRED) });
