import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; one that is there is left alone. Not Node's own `recursive`, which never returns where the
 * system says of a folder that is there that it is missing, as `/proc` does (Node 26).
 *
 * @throws the system's error of the first folder that cannot be made
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return;
    const above = dirname(path);
    if (!saysMissing(error) || above === path || (await isFolder(above))) throw error;
    await makeFolder(above);
    await makeFolder(path);
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const saysMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
