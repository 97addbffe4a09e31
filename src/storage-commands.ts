/** The subcommands about the files of a Task API on this machine: `backup`, `restore`. */
import { systemClock as clock } from './clock.ts';
import { readDataFolder, readTaskApiConfig } from './config.ts';
import { isInFolder, openDataFolder } from './data-folder.ts';
import { backUp, restore as restoreQueue } from './queue/index.ts';
import { keyFileOf } from './secrets.ts';
import { type Environment, Settings } from './settings.ts';

export async function backup(env: Environment, file: string, options: { force: boolean }): Promise<void> {
  const { files } = readFiles(env);
  const written = await backUp(files, file, options);
  for (const { path, bytes } of written) tell(`wrote ${path} (${bytes} bytes)`);
  const [tasks] = written;
  tell(
    'Keep them together, where nobody else can read them: they hold prompts, outputs and stored bot tokens.',
  );
  tell(`To restore: stop the Task API, then run: openclaw-runner restore ${tasks?.path ?? file}`);
}

export async function restore(env: Environment, file: string): Promise<void> {
  const { files, folder } = readFiles(env);
  if (Object.values(files).some((path) => isInFolder(folder, path))) openDataFolder(folder);
  const suffix = `.before-restore-${new Date(clock.wall()).toISOString().replaceAll(/[:.]/g, '-')}`;
  const { taskDb, eventDb, withKey, kept } = await restoreQueue(file, files, suffix);
  tell(`restored ${taskDb} and ${eventDb}`);
  if (!withKey)
    tell(`The backup has no key file: stored bot tokens need the OPENCLAW_SECRET_KEY of that time.`);
  for (const path of kept) tell(`kept what was there as ${path}`);
}

/** Where the databases are, by the settings of the Task API. */
function readFiles(env: Environment) {
  const settings = new Settings(env);
  const folder = readDataFolder(settings);
  const { taskDb, eventDb } = readTaskApiConfig(settings, folder);
  settings.check();
  return { folder, files: { taskDb, eventDb, keyFile: keyFileOf(taskDb) } };
}

function tell(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
