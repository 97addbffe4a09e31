import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, syncNames } from '../../../src/paths.ts';
import { syncFolder, writeDurably } from '../../../src/workers/durable.ts';
import { breakFolderSync } from '../../support/broken-sync.ts';
import { aResult, openSpool } from '../../support/spool.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Both ways to make the names in a folder durable. */
const WAYS: [name: string, sync: (folder: string) => Promise<void>][] = [
  ['at once', async (folder) => syncNames(folder)],
  ['while others have their turn', syncFolder],
];

describe.each(WAYS)('the names in a folder, synced %s', (_name, sync) => {
  test('can not be made durable where its file system has no such thing, and that is no error', async () => {
    // The kernel answers EINVAL here.
    await sync('/proc/self');
  });

  test.each(['EINVAL', 'ENOTSUP', 'ENOSYS', 'EBADF', 'EISDIR', 'EPERM', 'EACCES'])(
    'nor is it where the file system says %s',
    async (code) => {
      await breakFolderSync(code);
      await sync(tempFolder());
    },
  );

  test.each(['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'ESTALE'])(
    'may be lost after %s, which is told',
    async (code) => {
      await breakFolderSync(code);
      await expect(sync(tempFolder())).rejects.toMatchObject({ code });
    },
  );

  test('are not there without their folder', async () => {
    await expect(sync(join(tempFolder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('with a disk that fails to sync the names in a folder', () => {
  test('a folder does not count as made, nor a file as written', async () => {
    await breakFolderSync('EIO');
    const folder = tempFolder();
    expect(() => makeFolder(join(folder, 'new'))).toThrow('EIO');
    await expect(writeDurably(join(folder, 'file'), 'text')).rejects.toThrow('EIO');
    // Whole all the same, and nothing beside it.
    expect(readdirSync(folder).sort()).toEqual(['file', 'new']);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('text');
  });

  test('a result is held in memory as well, and no more work is taken', async () => {
    const { spool } = await openSpool();
    await breakFolderSync('EIO');
    await spool.add(aResult());
    expect(spool.unsaved).toHaveLength(1);
    expect(spool.obstacle).toContain('EIO');
  });
});
