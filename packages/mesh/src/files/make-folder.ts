import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; one that is there is left alone. Not Node's own `recursive`, which never returns where the
 * system says of a folder that is there that it is missing, as `/proc` does (Node 26).
 *
 * @throws the system's error of the first folder that cannot be made
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (isFolder(path)) return;
    const above = dirname(path);
    if (!saysMissing(error) || above === path || isFolder(above)) throw error;
    makeFolder(above);
    makeFolder(path);
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const saysMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
