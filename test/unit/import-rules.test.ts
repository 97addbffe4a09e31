/** The gate says who may import whom; this says that the gate would notice. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const FORBIDDEN = [
  ['src/clock.ts', './queue/index.ts'],
  ['src/queue/task.ts', '../clock.ts'],
  ['src/queue/sqlite/a.ts', '../../http/app.ts'],
  ['src/http/a.ts', '../queue/sqlite/engine.ts'],
  ['src/http/b.ts', '../reconciler/reconciler.ts'],
  ['src/http/c.ts', '../callbacks/notify.ts'],
  ['src/http/contract/a.ts', '../../queue/index.ts'],
  ['src/reconciler/a.ts', '../http/app.ts'],
  ['src/reconciler/b.ts', '../queue/sqlite/upkeep.ts'],
  ['src/callbacks/a.ts', '../http/app.ts'],
  ['src/callbacks/sinks/a.ts', '../../queue/sqlite/outbox.ts'],
  ['src/workers/a.ts', '../queue/index.ts'],
  ['src/workers/b.ts', '../http/app.ts'],
  ['src/workers/agents/a.ts', '../../callbacks/notify.ts'],
  ['src/workers/c.ts', '../service.ts'],
  ['src/workers/f.ts', '../commands/tasks.ts'],
  ['src/workers/h.ts', '../runner-service.ts'],
  ['src/commands/f.ts', '../program.ts'],
  ['src/log.ts', './client/index.ts'],
  ['src/queue/a.ts', '../client/index.ts'],
  ['src/http/f.ts', '../client/index.ts'],
  ['src/http/contract/c.ts', '../../client/index.ts'],
  ['src/reconciler/d.ts', '../client/index.ts'],
  ['src/callbacks/c.ts', '../commands/tasks.ts'],
  ['src/client/a.ts', '../queue/index.ts'],
  ['src/client/b.ts', '../http/app.ts'],
  ['src/client/c.ts', '../workers/runner.ts'],
  ['src/client/d.ts', '../commands/tasks.ts'],
  ['src/commands/a.ts', '../queue/index.ts'],
  ['src/commands/b.ts', '../http/contract/tasks.ts'],
  ['src/commands/c.ts', '../workers/runner.ts'],
  ['plugin/src/a.ts', '../../src/queue/index.ts'],
  ['plugin/src/tools/a.ts', '../../../src/callbacks/compose.ts'],
  ['plugin/src/b.ts', '../../src/http/contract/tasks.ts'],
] as const;

const ALLOWED = [
  ['src/service.ts', './http/app.ts'],
  ['src/queue/sqlite/b.ts', '../task.ts'],
  ['src/http/d.ts', '../queue/index.ts'],
  ['src/http/e.ts', '../clock.ts'],
  ['src/http/contract/b.ts', '../../queue/task.ts'],
  ['src/reconciler/c.ts', '../queue/index.ts'],
  ['src/callbacks/b.ts', '../queue/index.ts'],
  ['src/workers/d.ts', '../http/contract/worker.ts'],
  ['src/workers/e.ts', '../queue/task.ts'],
  ['src/workers/g.ts', '../client/index.ts'],
  ['src/client/e.ts', '../http/contract/tasks.ts'],
  ['src/client/f.ts', '../queue/task.ts'],
  ['src/client/g.ts', '../queue/events.ts'],
  ['src/client/h.ts', '../clock.ts'],
  ['plugin/src/c.ts', '../../src/client/index.ts'],
  ['plugin/src/d.ts', '../../src/queue/task.ts'],
  ['src/commands/d.ts', '../client/index.ts'],
  ['src/commands/e.ts', '../queue/task.ts'],
  ['src/cli.ts', './commands/tasks.ts'],
] as const;

/** The paths of the files that Biome blames for an import, under this project's own rules. */
async function blamed(files: readonly (readonly [string, string])[]): Promise<string[]> {
  const folder = tempFolder();
  copyFileSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [path, specifier] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `export { it } from '${specifier}';\n`);
  }
  const biome = join(ROOT, 'node_modules/.bin/biome');
  const args = [
    'lint',
    '--only=style/noRestrictedImports',
    '--reporter=github',
    '--max-diagnostics=200',
    'src',
    'plugin',
  ];
  const { stdout } = await promisify(execFile)(biome, args, { cwd: folder }).catch((error) => error);
  return [...String(stdout).matchAll(/file=[^,]*?((?:plugin\/)?src\/[^,]+)/g)].map(([, file = '']) => file);
}

test('an import from a room that it may not know is refused', async () => {
  expect((await blamed(FORBIDDEN)).toSorted()).toEqual(FORBIDDEN.map(([path]) => path).toSorted());
});

test('an import that the layout allows passes', async () => {
  expect(await blamed(ALLOWED)).toEqual([]);
});
