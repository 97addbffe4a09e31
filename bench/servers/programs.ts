/** Programs of the system that may be missing. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN = '/usr/lib/postgresql';

/** On the PATH; null when it is not there. */
export function findProgram(name: string, folders = pathFolders()): string | null {
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

/** PostgreSQL's are seldom on the PATH: the folder POSTGRES_BIN, or the newest of Debian's. */
export function findPostgres(): { initdb: string; postgres: string } | null {
  const given = process.env.POSTGRES_BIN;
  const folders = given === undefined ? [...pathFolders(), ...debianFolders()] : [given];
  const [initdb, postgres] = [findProgram('initdb', folders), findProgram('postgres', folders)];
  return initdb === null || postgres === null ? null : { initdb, postgres };
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

function debianFolders(): string[] {
  try {
    const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN, version, 'bin'));
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
