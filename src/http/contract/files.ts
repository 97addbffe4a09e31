/** Bodies of `POST /files/write`, `/files/read` and `/files/edit` → `{taskId, message}`. */
import * as z from 'zod';
import { callbackFields } from './callback.ts';
import { anyJson, present, requiredText, sessionKey } from './fields.ts';
import { oneTime, submissionFields, surroundings } from './submission.ts';

const WRITE = 'path and content are required';
export const writeBody = z
  .object({
    path: requiredText(WRITE),
    content: present(WRITE),
    encoding: anyJson('utf8'),
    sessionKey,
    ...submissionFields,
    ...callbackFields,
    ...surroundings,
  })
  .check(oneTime);

export const readBody = z
  .object({
    path: requiredText('path is required'),
    /** The older system took no encoding here and ignored one; text stays the default. */
    encoding: z
      .enum(['base64', 'utf8', 'utf-8'], 'encoding must be "base64", or missing for text')
      .optional()
      .transform((encoding) => (encoding === 'base64' ? encoding : null)),
    sessionKey,
    ...submissionFields,
    ...callbackFields,
    ...surroundings,
  })
  .check(oneTime);

const EDIT = 'path, old_string, new_string are required';
export const editBody = z
  .object({
    path: requiredText(EDIT),
    old_string: present(EDIT),
    new_string: present(EDIT),
    replace_all: anyJson(false),
    sessionKey,
    ...submissionFields,
    ...callbackFields,
    ...surroundings,
  })
  .check(oneTime);
