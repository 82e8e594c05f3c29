import type { FieldReader, TextRule } from './field-reader.ts';

/** Entries of `parameters` that are read. */
export const STORAGE_PARAMETERS_MAX = 64;

/**
 * Where the files of a model are, in the terms that ModelMesh's puller understands (spec `modelmesh-serving.md` §1.2, §3.2): a path within
 * some storage, the name of a storage in the configuration, and parameters beside or instead of it.
 */
export interface StorageSource {
  readonly path: string;
  /** Name of an entry of the storage configuration. */
  readonly key: string | undefined;
  /** Sorted by name. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly schemaPath: string | undefined;
  /** Expected digest, 64 lower-case hex digits. */
  readonly sha256: string | undefined;
}

const SHA256: TextRule = { test: (text) => /^[0-9a-fA-F]{64}$/.test(text), expected: 'a SHA-256 digest of 64 hex digits' };

/** What a URI must be. */
export const STORAGE_URI_EXPECTED =
  'a path, or a URI of one of file:///path, http(s)://host/path, s3://bucket/path, gs://bucket/path, pvc://claim/path';

const AZURE_HOST = /^([^.]+)\.blob\.core\.windows\.net$/;

type Location = Pick<StorageSource, 'path' | 'parameters'> & { readonly sha256?: string };

/**
 * Splits a storage URI into path and parameters, as ModelMesh's controller does; `undefined` if it is none that this version knows.
 *
 * A local path, relative or absolute, and a `file:` URI stay whole in the path: the puller has no storage for them, the embedded runtime has.
 */
export function locate(uri: string): Location | undefined {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/.exec(uri);
  if (parts === null)
    return /^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri) || uri === '' ? undefined : { path: uri, parameters: new Map() };
  const [, scheme = '', host = '', rawPath = '', query = '', fragment = ''] = parts;
  if (scheme === 'file') return host === '' && rawPath !== '' ? { path: uri, parameters: new Map() } : undefined;
  const path = decoded(rawPath.replace(/^\/+/, ''));
  if (host === '' || path === undefined) return undefined;
  if (scheme === 'http' || scheme === 'https') return locateHttp(`${scheme}://${host}${query}`, host, path, fragment);
  if (query !== '' || fragment !== '') return undefined;
  switch (scheme) {
    case 's3':
      return {
        path,
        parameters: new Map([
          ['bucket', host],
          ['type', 's3'],
        ]),
      };
    case 'gs':
      return {
        path,
        parameters: new Map([
          ['bucket', host],
          ['type', 'gcs'],
        ]),
      };
    case 'pvc':
      return {
        path,
        parameters: new Map([
          ['name', host],
          ['type', 'pvc'],
        ]),
      };
    default:
      return undefined;
  }
}

function locateHttp(url: string, host: string, path: string, fragment: string): Location | undefined {
  const digest = /^#sha256=([0-9a-fA-F]{64})$/.exec(fragment)?.[1]?.toLowerCase();
  if (fragment !== '' && digest === undefined) return undefined;
  const sha256 = digest === undefined ? {} : { sha256: digest };
  const account = AZURE_HOST.exec(host)?.[1];
  if (account === undefined)
    return {
      path,
      parameters: new Map([
        ['type', 'http'],
        ['url', url],
      ]),
      ...sha256,
    };
  const [container = '', ...rest] = path.split('/');
  if (container === '' || rest.length === 0) return undefined;
  return {
    path: rest.join('/'),
    parameters: new Map([
      ['account_name', account],
      ['container', container],
      ['type', 'azure'],
    ]),
    ...sha256,
  };
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The path without percent escapes; `undefined` unless each is whole and together they are UTF-8. */
function decoded(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined;
  const text = path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => utf8.decode(bytesOfEscapes(escapes)));
  return text.includes('\ufffd') ? undefined : text;
}

const bytesOfEscapes = (escapes: string): Uint8Array =>
  Uint8Array.from(escapes.slice(1).split('%'), (digits) => Number.parseInt(digits, 16));

/**
 * The URI that a path and storage parameters stand for, the inverse of {@link locate}; `undefined` where the parameters name no place of
 * their own. A runtime that takes URIs uses it to understand what a controller registered.
 */
export function uriOf(path: string, parameters: ReadonlyMap<string, string>): string | undefined {
  const encodedPath = encodeURI(path).replace(/[?#]/g, encodeURIComponent);
  const given = (name: string): string | undefined => parameters.get(name);
  switch (given('type')) {
    case 'http': {
      const [, base = '', query = ''] = /^([^?#]*)(\?[^#]*)?/.exec(given('url') ?? '') ?? [];
      return base === '' ? undefined : `${base.replace(/\/+$/, '')}/${encodedPath}${query}`;
    }
    case 's3':
      return given('bucket') === undefined ? undefined : `s3://${given('bucket')}/${encodedPath}`;
    case 'gcs':
      return given('bucket') === undefined ? undefined : `gs://${given('bucket')}/${encodedPath}`;
    case 'pvc':
      return given('name') === undefined ? undefined : `pvc://${given('name')}/${encodedPath}`;
    case 'azure':
      return given('account_name') === undefined || given('container') === undefined
        ? undefined
        : `https://${given('account_name')}.blob.core.windows.net/${given('container')}/${encodedPath}`;
    default:
      return undefined;
  }
}

/** A source that is given by a URI alone, for instance `storageUri` of an InferenceService. */
export function readStorageUri(reader: FieldReader, name: string): StorageSource | undefined {
  const location = reader.parsed(name, locate, STORAGE_URI_EXPECTED);
  if (location === undefined) return undefined;
  return { key: undefined, schemaPath: undefined, sha256: undefined, ...location };
}

/** The fields that KServe's and our form of `storage` share. */
interface StorageFields {
  readonly path: string | undefined;
  readonly key: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  readonly schemaPath: string | undefined;
}

/** Reads KServe's `storage: {key, path, parameters, schemaPath}`, all optional here. */
export function readStorageFields(reader: FieldReader): StorageFields {
  const fields = {
    path: reader.text('path'),
    key: reader.text('key'),
    parameters: reader.textMap('parameters', STORAGE_PARAMETERS_MAX),
    schemaPath: reader.text('schemaPath'),
  };
  return fields;
}

/** Our form of `storage`: KServe's fields, or `uri` in place of `path`, and `sha256`. */
export function readStorage(reader: FieldReader): StorageSource | undefined {
  const fields = readStorageFields(reader);
  const sha256 = reader.text('sha256', SHA256)?.toLowerCase();
  const fromUri = readStorageUri(reader, 'uri');
  const [hasUri, hasPath] = [reader.has('uri'), reader.has('path')];
  if (hasUri && hasPath) reader.problem('path', 'nothing beside uri: give one of the two');
  if (!hasUri && !hasPath) reader.problem('uri', `${STORAGE_URI_EXPECTED}, or path`);
  if (fromUri?.sha256 !== undefined && sha256 !== undefined && fromUri.sha256 !== sha256) {
    reader.problem('sha256', 'the digest that the uri names');
  }
  reader.close();
  const path = fromUri?.path ?? fields.path;
  if (path === undefined) return undefined;
  return {
    ...fields,
    path,
    parameters: mergedParameters(fields.parameters, fromUri?.parameters),
    sha256: sha256 ?? fromUri?.sha256,
  };
}

/** Parameters in the order of their names; those that a URI implies win over given ones (spec `modelmesh-serving.md` §1.2). */
export const mergedParameters = (
  given: ReadonlyMap<string, string>,
  fromUri: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> =>
  new Map([...new Map([...given, ...(fromUri ?? [])])].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/** Whether the path means a place relative to something: the manifest's folder for `mmesh apply`, the runtime's root for a node. */
export const isRelativePath = ({ path, key, parameters }: StorageSource): boolean =>
  key === undefined && parameters.size === 0 && !path.startsWith('/') && !path.startsWith('file:');
