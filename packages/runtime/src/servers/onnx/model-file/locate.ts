import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { diskError } from '../../../storage/index.ts';
import type { ModelFacts } from './facts.ts';

/** The most entries of a folder that are looked through for a model. */
export const FOLDER_ENTRIES_MAX = 1_000;

/**
 * The ONNX file that `path` means: itself; or in a folder `model.onnx`, or the only `*.onnx`; or the same in the sub-folder whose name is the
 * highest number, as model repositories of other servers have it.
 *
 * @throws {MeshError} `not-found` without a model, `failed-precondition` if several could be meant.
 */
export async function locateModelFile(path: string): Promise<string> {
  const facts = await stat(path).catch((error: unknown) => {
    throw diskError(error, path);
  });
  return facts.isDirectory() ? await locateInFolder(path, true) : path;
}

async function locateInFolder(folder: string, lookInVersions: boolean): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw diskError(error, folder);
  });
  if (entries.length > FOLDER_ENTRIES_MAX) {
    throw new MeshError(
      'failed-precondition',
      `${folder} has more than ${FOLDER_ENTRIES_MAX} entries; name the model file itself`,
    );
  }
  const models = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.onnx')).map((entry) => entry.name);
  if (models.includes('model.onnx')) return join(folder, 'model.onnx');
  const [only, ...others] = models.sort();
  if (others.length > 0) {
    throw new MeshError(
      'failed-precondition',
      `${folder} holds ${models.length} ONNX files (${models.slice(0, 5).join(', ')}); call one model.onnx`,
    );
  }
  if (only !== undefined) return join(folder, only);
  const versions = entries.filter((entry) => entry.isDirectory() && /^\d{1,15}$/.test(entry.name)).map((entry) => entry.name);
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (lookInVersions && newest !== undefined) return await locateInFolder(join(folder, newest), false);
  throw new MeshError('not-found', `there is no ONNX file in ${folder}; expected model.onnx`);
}

/**
 * Checks that the files which hold the model's external weights are there, inside the model's folder and long enough.
 *
 * @returns the sum of their sizes.
 * @throws {MeshError} `not-found`, `permission-denied` or `invalid-argument`, naming the file.
 */
export async function checkExternalFiles(modelFile: string, facts: ModelFacts): Promise<number> {
  const folder = dirname(modelFile);
  const ends = new Map<string, number>();
  for (const { location, endByte } of facts.external) ends.set(location, Math.max(endByte, ends.get(location) ?? 0));
  let totalBytes = 0;
  for (const [location, endByte] of ends) {
    if (isAbsolute(location) || normalize(location).startsWith('..')) {
      throw new MeshError('permission-denied', `the model keeps weights in ${location}, outside its own folder`);
    }
    const path = join(folder, location);
    const size = await stat(path).then(
      (file) => file.size,
      () => undefined,
    );
    if (size === undefined) throw new MeshError('not-found', `the model keeps weights in ${path}, and that file is missing`);
    if (size < endByte) {
      throw new MeshError(
        'invalid-argument',
        `the model keeps weights up to byte ${endByte} of ${path}, which has only ${size} bytes`,
      );
    }
    totalBytes += size;
  }
  return totalBytes;
}
