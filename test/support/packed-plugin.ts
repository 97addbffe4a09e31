/** The plugin as somebody installs it: packed by npm, and unpacked beside an OpenClaw. */
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { tempFolder } from './temp-folder.ts';
import { CLONE, freshEnvironment, outcomeOf } from './terminal.ts';

export interface PackedPlugin {
  /** Where a program finds `openclaw-runner-plugin` and `openclaw`. */
  home: string;
  /** The plugin in it. */
  folder: string;
  /** What is in the package. */
  files: string[];
}

/** Built in a copy: the clone stays as it is. */
export async function packedPlugin(): Promise<PackedPlugin> {
  const home = tempFolder();
  const copy = join(home, 'copy');
  const isCopied = (path: string) => !/plugin\/(dist|node_modules)/.test(path);
  cpSync(join(CLONE, 'plugin'), join(copy, 'plugin'), { recursive: true, filter: isCopied });
  for (const name of ['src', 'node_modules']) symlinkSync(join(CLONE, name), join(copy, name));
  const env = freshEnvironment(home, { npm_config_update_notifier: 'false', npm_config_loglevel: 'error' });
  const cwd = join(copy, 'plugin');
  for (const command of [
    ['npm', 'run', '--silent', 'build'],
    ['npm', 'pack', '--silent', '--pack-destination', home],
  ])
    expect(await outcomeOf(command, { env, cwd })).toMatchObject({ code: 0 });
  const [tarball = ''] = readdirSync(home).filter((name) => name.endsWith('.tgz'));
  const folder = join(home, 'node_modules', 'openclaw-runner-plugin');
  mkdirSync(folder, { recursive: true });
  const unpack = ['tar', '-xzf', join(home, tarball), '--strip-components=1', '-C', folder];
  expect(await outcomeOf(unpack, { env })).toMatchObject({ code: 0 });
  standInOpenClaw(home, TRANSCRIPTS);
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  return { home, folder, files: paths.toSorted() };
}

/** Two modules of an OpenClaw, for a program in `home`: an entry is what it says, and `transcripts` is the other. */
export function standInOpenClaw(home: string, transcripts: string): void {
  const folder = join(home, 'node_modules', 'openclaw');
  mkdirSync(folder, { recursive: true });
  const exports = {
    './plugin-sdk/plugin-entry': './entry.js',
    './plugin-sdk/session-transcript-runtime': './transcripts.js',
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'openclaw', type: 'module', exports }));
  writeFileSync(join(folder, 'entry.js'), 'export const definePluginEntry = (entry) => entry;\n');
  writeFileSync(join(folder, 'transcripts.js'), transcripts);
}

/** What is written into a conversation is printed. */
const TRANSCRIPTS = `
export async function appendSessionTranscriptMessageByIdentityStrict(append) {
  console.log(JSON.stringify({ append }));
  return { kind: 'result' };
}
`;
