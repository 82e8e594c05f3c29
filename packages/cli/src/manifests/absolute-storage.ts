import { resolve } from 'node:path';

/** Where a manifest may say where its files are; `*`: in each item of a list. */
const STORAGE_PATHS: Readonly<Record<string, readonly string[]>> = {
  Model: ['spec.storage.uri', 'spec.storage.path'],
  InferenceService: ['spec.predictor.model.storageUri', 'spec.canary.*.predictor.model.storageUri'],
};

/**
 * The manifest with relative storage paths made absolute, against the folder that the manifest stands in: what a person means, and what a
 * node elsewhere on this machine can read.
 */
export function withAbsoluteStorage(manifest: unknown, folder: string): unknown {
  if (!isObject(manifest)) return manifest;
  const paths = STORAGE_PATHS[String(manifest.kind)] ?? [];
  return paths.reduce<unknown>((value, path) => withChanged(value, path.split('.'), folder), manifest);
}

function withChanged(value: unknown, [field, ...rest]: readonly string[], folder: string): unknown {
  if (field === '*' && Array.isArray(value)) return value.map((item: unknown) => withChanged(item, rest, folder));
  if (!isObject(value) || field === undefined || !Object.hasOwn(value, field)) return value;
  if (rest.length > 0) return { ...value, [field]: withChanged(value[field], rest, folder) };
  // A path within a storage that has a name, or parameters, is that storage's own.
  if (value.key !== undefined || value.parameters !== undefined) return value;
  const uri = value[field];
  return typeof uri === 'string' && isRelative(uri) ? { ...value, [field]: resolve(folder, uri) } : value;
}

const isRelative = (uri: string): boolean => uri !== '' && !uri.startsWith('/') && !/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
