import fs, { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished, vi } from 'vitest';

/** Until the test ends, every sync of a folder, and of nothing else, fails with this code. */
export async function breakFolderSync(code: string): Promise<void> {
  const refuse = (descriptor: number) => {
    if (fstatSync(descriptor).isDirectory()) throw Object.assign(new Error(`${code}: of the test`), { code });
  };
  const { fsyncSync } = fs;
  const atOnce = vi.spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
    refuse(descriptor);
    fsyncSync(descriptor);
  });
  const handle = await open('.', 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync } = prototype;
  const later = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    refuse(this.fd);
    await sync.call(this);
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    atOnce.mockRestore();
    later.mockRestore();
    syncBuiltinESMExports();
  });
}
