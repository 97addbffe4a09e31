import { type FileType, type JsonObject, type NewTask, UNKNOWN_PROVENANCE } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { editBody, readBody, writeBody } from './contract/files.ts';
import type { Asked } from './contract/submission.ts';
import type { RouteDeps } from './deps.ts';
import { created, submit } from './submission.ts';

/** `/files/*`: work on the runner's files; the Task API touches none. */
export function fileHandlers({ queue }: RouteDeps) {
  return {
    write: ((call) => {
      const { path, content, encoding, ...asked } = parse(writeBody, call.body);
      const task = fileTask('file-write', { path, content, encoding }, asked);
      return submit(queue, call, task, created('File write task created'));
    }) satisfies Handler,

    read: ((call) => {
      const { path, encoding, ...asked } = parse(readBody, call.body);
      const task = fileTask('file-read', encoding === null ? { path } : { path, encoding }, asked);
      return submit(queue, call, task, created('File read task created'));
    }) satisfies Handler,

    edit: ((call) => {
      const { path, old_string, new_string, replace_all, ...asked } = parse(editBody, call.body);
      const fields = { path, oldString: old_string, newString: new_string, replaceAll: replace_all };
      return submit(queue, call, fileTask('file-edit', fields, asked), created('File edit task created'));
    }) satisfies Handler,
  };
}

function fileTask(type: FileType, fields: JsonObject, { sessionKey, ...asked }: Asked): NewTask {
  return {
    ...asked,
    type,
    payload: { type, ...fields },
    timeoutMs: null,
    sessionId: null,
    sessionKey: sessionKey ?? null,
    provenance: UNKNOWN_PROVENANCE,
    callback: null,
  };
}
