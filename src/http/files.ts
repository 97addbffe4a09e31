import { type FileType, type JsonObject, type NewTask, UNKNOWN_PROVENANCE } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { editBody, readBody, writeBody } from './contract/files.ts';
import type { RouteDeps } from './deps.ts';

/** `/files/*`: work on the runner's files; the Task API touches none. */
export function fileHandlers({ queue }: RouteDeps) {
  return {
    write: (async ({ body }) => {
      const { path, content, encoding, sessionKey } = parse(writeBody, body);
      const { taskId } = await queue.submit(fileTask('file-write', { path, content, encoding }, sessionKey));
      return { taskId, message: 'File write task created' };
    }) satisfies Handler,

    read: (async ({ body }) => {
      const { path, encoding, sessionKey } = parse(readBody, body);
      const fields = encoding === null ? { path } : { path, encoding };
      const { taskId } = await queue.submit(fileTask('file-read', fields, sessionKey));
      return { taskId, message: 'File read task created' };
    }) satisfies Handler,

    edit: (async ({ body }) => {
      const { path, old_string, new_string, replace_all, sessionKey } = parse(editBody, body);
      const fields = { path, oldString: old_string, newString: new_string, replaceAll: replace_all };
      const { taskId } = await queue.submit(fileTask('file-edit', fields, sessionKey));
      return { taskId, message: 'File edit task created' };
    }) satisfies Handler,
  };
}

function fileTask(type: FileType, fields: JsonObject, sessionKey: string | undefined): NewTask {
  return {
    type,
    payload: { type, ...fields },
    timeoutMs: null,
    sessionId: null,
    sessionKey: sessionKey ?? null,
    provenance: UNKNOWN_PROVENANCE,
    callback: null,
  };
}
