import type {
  FileEditPayload,
  FileReadPayload,
  FileWritePayload,
  PolledTask,
} from '../../http/contract/payload.ts';
import { MAX_BODY_BYTES } from '../../http/contract/worker.ts';
import { jsonBytes } from '../excerpt.ts';
import { type ExecutionContext, type ExecutionResult, failure } from '../executor.ts';
import { FileError, readWhole, replaceFile } from './file-store.ts';
import { atWorkplace } from './workplace.ts';

/** What an executor of files is lent. */
type FileContext = Pick<ExecutionContext, 'policy' | 'mask'>;
type FileExecutor = (task: PolledTask, context: FileContext) => Promise<ExecutionResult>;

/** What one has to do, and where it finds the path that it is asked for. */
type FileWork = (
  task: PolledTask,
  context: FileContext & { place: (path: string) => string },
) => Promise<ExecutionResult>;

/** Room for everything of a result but the content of the file. */
const ENVELOPE_BYTES = 64 * 1024;
/** What a result can carry: more is refused, since half a file would be taken for a whole one. */
const MAX_CONTENT_BYTES = MAX_BODY_BYTES - ENVELOPE_BYTES;
/** An edit has the whole file in memory twice. */
const MAX_EDIT_BYTES = 64 * 1024 * 1024;

export const SECRET_IN_FILE = 'the file holds a secret of this runner, which is not sent';

export const readFile = fileExecutor(async (task, { policy, mask, place }) => {
  const { path, encoding } = task as FileReadPayload;
  const limitBytes = Math.min(MAX_CONTENT_BYTES, policy.outputBytes('file-read'));
  const bytes = await readWhole(place(path), limitBytes, policy);
  const text = encoding === 'base64' ? bytes.toString('base64') : textOf(bytes);
  if (jsonBytes(text) > MAX_CONTENT_BYTES) throw new FileError('file too large');
  // With a mask in it, base64 would decode to something else.
  if (encoding === 'base64' && mask.text(text) !== text) throw new FileError(SECRET_IN_FILE);
  return done(text);
});

export const writeFile = fileExecutor(async (task, { policy, place }) => {
  const { path, content, encoding } = task as FileWritePayload;
  await replaceFile(place(path), decoded(asText(content), encodingOf(encoding)), policy);
  return done(`File written: ${path}`);
});

export const editFile = fileExecutor(async (task, { policy, place }) => {
  const { path, oldString, newString, replaceAll } = task as FileEditPayload;
  const target = place(path);
  const parts = textOf(await readWhole(target, MAX_EDIT_BYTES, policy)).split(searched(oldString));
  const count = parts.length - 1;
  if (count === 0) return failure('old_string not found');
  if (count > 1 && !replaceAll)
    return { ...failure('old_string not unique'), stderr: `old_string occurs ${count} times in ${path}` };
  await replaceFile(target, Buffer.from(parts.join(asText(newString))), policy);
  return done(`File edited: ${path}`);
});

/** The file tasks, by type. */
export const fileTasks = { 'file-read': readFile, 'file-write': writeFile, 'file-edit': editFile };

/** What can't be done is a failed result with the reason. A stopped attempt is over before it can be noticed. */
function fileExecutor(execute: FileWork): FileExecutor {
  return async (task, context) => {
    try {
      return await atWorkplace(task, context.policy, ({ folder }) =>
        execute(task, { ...context, place: (path) => context.policy.place(path, folder?.path) }),
      );
    } catch (error) {
      const path = 'path' in task ? task.path : '';
      if (error instanceof FileError)
        return { ...failure(error.message), stderr: `${path}: ${error.message}` };
      throw error;
    }
  };
}

function done(stdout: string): ExecutionResult {
  return { stdout, stderr: '', exitCode: 0, error: null };
}

/** The byte order mark belongs to the content. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new FileError('not valid UTF-8: binary content needs "encoding": "base64"', { cause: error });
  }
}

/** The older wire lets any JSON pass as a text. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value == null ? '' : JSON.stringify(value);
}

function searched(oldString: unknown): string {
  const text = asText(oldString);
  if (text === '') throw new FileError('old_string is empty');
  return text;
}

/** Node would skip what is no base64, and a damaged file would count as written. Line ends may be in it. */
function decoded(content: string, encoding: BufferEncoding): Buffer {
  if (/^base64/i.test(encoding) && !/^[\w+/-]*={0,2}$/.test(content.replace(/\s+/g, '')))
    throw new FileError('content is not valid base64');
  return Buffer.from(content, encoding);
}

function encodingOf(encoding: unknown): BufferEncoding {
  if (encoding == null) return 'utf8';
  if (typeof encoding === 'string' && Buffer.isEncoding(encoding)) return encoding;
  throw new FileError(`unknown encoding: ${asText(encoding)}`);
}
