/** Lines for a person to paste: how this program is called where they are. */
import { DEFAULT_URL } from './config.ts';
import { dataFolderAt, USUAL_FOLDER } from './data-folder.ts';

/** Where a Task API is, and the file with its token; null when the token is in `WORKER_TOKEN`. */
export interface Reach {
  url: string;
  tokenFile: string | null;
}

/** In a clone through npm, as a package by its name; with the options that lead to this Task API. */
export function invocation(subcommand: string, argument: string, reach: Reach): string {
  return [program(subcommand), ...reachOptions(reach), argument].join(' ');
}

/** The same Task API for those who use it without this program. */
export function curlLine(path: string, { url, tokenFile }: Reach): string {
  const token = tokenFile === null ? '$WORKER_TOKEN' : `$(cat ${quoted(tokenFile)})`;
  return `curl -H "Authorization: Bearer ${token}" ${url}${path}`;
}

function program(subcommand: string): string {
  if (import.meta.filename.endsWith('.ts')) return `npm run -s ${subcommand} --`;
  const name = 'openclaw-runner';
  return process.env.npm_command === 'exec' ? `npx ${name} ${subcommand}` : `${name} ${subcommand}`;
}

function reachOptions({ url, tokenFile }: Reach): string[] {
  const usual = dataFolderAt(USUAL_FOLDER).tokenFile;
  return [
    ...(url === DEFAULT_URL ? [] : ['--url', url]),
    ...(tokenFile === null || tokenFile === usual ? [] : ['--token-file', quoted(tokenFile)]),
  ];
}

/** As one word of a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
