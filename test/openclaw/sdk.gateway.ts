/** What plugin/src/openclaw.ts says of OpenClaw's plugin API, against OpenClaw's own types. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { CLONE, outcomeOf } from '../support/terminal.ts';
import { installedOpenClaw } from './install.ts';

const ENTRY = join(dirname(installedOpenClaw()), 'dist/plugin-sdk/plugin-entry.d.ts');

/** The plugin, compiled with the real entry in the place of our few lines about it; `more` is a file beside it. */
async function compiled(more = ''): Promise<{ code: number | null; out: string }> {
  const folder = tempFolder();
  const beside = join(folder, 'beside.ts');
  writeFileSync(beside, more);
  const source = (name: string) => join(CLONE, 'plugin/src', name);
  const config = {
    extends: join(CLONE, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(CLONE, 'node_modules/@types')],
      paths: { 'openclaw/plugin-sdk/plugin-entry': [ENTRY] },
    },
    files: [source('index.ts'), source('transcript-runtime.d.ts'), beside],
    include: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return outcomeOf([join(CLONE, 'node_modules/.bin/tsc'), '-p', folder], { env: {} });
}

test('the plugin is what the plugin API of this OpenClaw asks for', async () => {
  expect(await compiled()).toMatchObject({ code: 0, out: '' });
});

test('and would not be, if a command said something else', async () => {
  const { out } = await compiled(`
    import { definePluginEntry } from 'openclaw/plugin-sdk/plugin-entry';
    type Api = { registerCommand: (command: { name: number }) => void };
    definePluginEntry({ id: 'a', name: 'b', description: 'c', register(api: Api) { api.registerCommand({ name: 1 }); } });
  `);
  expect(out).toMatch(/error TS2322: .*\(api: Api\)/);
});
