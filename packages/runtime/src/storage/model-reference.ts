import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshError } from '@modelmesh/core';
import { uriOf } from '@modelmesh/core/manifest';
import type { ModelSource } from './port.ts';

/** The longest path or key that is read, in characters; ModelMesh's records stay far below. */
export const REFERENCE_LENGTH_MAX = 64 * 1024;

/** The most sessions that one model may ask for. */
export const INSTANCES_MAX = 64;

/** A model's format, as its manifest names it. */
export interface ModelFormat {
  readonly name: string;
  readonly version: string | undefined;
}

/** What the path and the key of a load request say together. */
export interface ModelReference {
  readonly source: ModelSource;
  /** From the key, else undefined: the server then takes its own format. */
  readonly format: ModelFormat | undefined;
  /** Sessions that the model asks for; 1 by default. */
  readonly instances: number;
}

const SHA256 = /^[0-9a-f]{64}$/;
const SCHEME = /^[a-zA-Z][a-zA-Z0-9+.-]*:/;

/**
 * Reads the path and the JSON key of a load request. The key may hold `sha256`, `format` (`{"name", "version"}` or a name), `model_type` (the
 * same, as ModelMesh Serving writes it) and `instances`; fields that mean nothing here are ignored. The layout is in the room's README.
 *
 * @param root absolute folder that relative paths start from, where one is configured.
 * @throws {MeshError} `invalid-argument` that names the field, what was expected and what came.
 */
export function parseModelReference(path: string, key: string, root: string | undefined): ModelReference {
  for (const [what, text] of [
    ['path', path],
    ['key', key],
  ] as const) {
    if (text.length > REFERENCE_LENGTH_MAX)
      throw invalid(`the model ${what} has ${text.length} characters; the limit is ${REFERENCE_LENGTH_MAX}`);
  }
  const fields = parseKey(key);
  return {
    source: parseSource(locationOf(path, fields.storage_params), readSha256(fields.sha256, 'model key: sha256'), root),
    format: readFormat(fields.format ?? fields.model_type),
    instances: readInstances(fields.instances),
  };
}

function parseKey(key: string): Readonly<Record<string, unknown>> {
  if (key.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(key);
  } catch (error) {
    throw new MeshError(
      'invalid-argument',
      `the model key must be a JSON object: ${error instanceof Error ? error.message : 'unreadable'}`,
      {
        cause: error,
      },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`the model key must be a JSON object, got ${JSON.stringify(value).slice(0, 80)}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** The URI that path and storage parameters stand for, as ModelMesh's controller splits them; the path itself where they name no place. */
function locationOf(path: string, parameters: unknown): string {
  if (typeof parameters !== 'object' || parameters === null) return path;
  const texts = Object.entries(parameters).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return uriOf(path, new Map(texts)) ?? path;
}

function parseSource(path: string, sha256FromKey: string | undefined, root: string | undefined): ModelSource {
  if (path === '') throw invalid('the model path is empty; expected a file, a folder, or a file:, http: or https: URL');
  if (path.includes('\0')) throw invalid('the model path holds a NUL character');
  const scheme = SCHEME.exec(path)?.[0].toLowerCase();
  switch (scheme) {
    case 'http:':
    case 'https:':
      return parseHttp(path, sha256FromKey);
    case 'file:':
      return { kind: 'file', path: fileFromUrl(path), sha256: sha256FromKey };
    case undefined:
      return { kind: 'file', path: fileFromPath(path, root), sha256: sha256FromKey };
    default:
      throw invalid(
        `the model path ${path} has the scheme "${scheme}"; this runtime reads file:, http: and https: URLs and plain paths`,
      );
  }
}

function parseHttp(path: string, sha256FromKey: string | undefined): ModelSource {
  if (!URL.canParse(path)) throw invalid(`the model path ${path} is not a valid URL`);
  const url = new URL(path);
  const fragment = /^#sha256=(.*)$/.exec(url.hash)?.[1];
  if (url.hash !== '' && fragment === undefined) throw invalid(`the fragment of ${path} must be #sha256=<64 hex digits>`);
  const sha256 = readSha256(fragment, `fragment of ${path}`);
  if (sha256 !== undefined && sha256FromKey !== undefined && sha256 !== sha256FromKey) {
    throw invalid(`the model key says sha256 ${sha256FromKey}, the fragment of the URL says ${sha256}`);
  }
  url.hash = '';
  return { kind: 'http', url: url.href, sha256: sha256 ?? sha256FromKey };
}

function fileFromUrl(path: string): string {
  try {
    return fileURLToPath(path);
  } catch (error) {
    throw new MeshError('invalid-argument', `the model path ${path} is not a usable file URL; write file:///absolute/path`, {
      cause: error,
    });
  }
}

function fileFromPath(path: string, root: string | undefined): string {
  if (isAbsolute(path)) return resolve(path);
  if (root === undefined)
    throw invalid(`the model path ${path} is relative, and this runtime has no storage root; give an absolute path`);
  return resolve(root, path);
}

function readSha256(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const text = typeof value === 'string' ? value.toLowerCase().replace(/^sha256:/, '') : '';
  if (!SHA256.test(text)) throw invalid(`${where} must be 64 hex digits, got ${JSON.stringify(value)}`);
  return text;
}

function readFormat(value: unknown): ModelFormat | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return { name: value, version: undefined };
  const { name, version } = typeof value === 'object' ? (value as { name?: unknown; version?: unknown }) : {};
  if (typeof name !== 'string' || name === '') {
    throw invalid(`model key: format must be a name or {"name": …, "version": …}, got ${JSON.stringify(value)}`);
  }
  return { name, version: typeof version === 'string' && version !== '' ? version : undefined };
}

function readInstances(value: unknown): number {
  if (value === undefined || value === null) return 1;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > INSTANCES_MAX) {
    throw invalid(`model key: instances must be a whole number from 1 to ${INSTANCES_MAX}, got ${JSON.stringify(value)}`);
  }
  return value;
}

function invalid(message: string): MeshError {
  return new MeshError('invalid-argument', message);
}
