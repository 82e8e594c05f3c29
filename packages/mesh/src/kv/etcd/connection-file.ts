import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { type EtcdAddress, etcdAddress } from '../../config/index.ts';

/** A text as it stands, or the file that holds it. */
export type Source = { readonly text: string } | { readonly path: string };

/** Everything about an etcd with its sources unread. */
export interface EtcdSources {
  readonly endpoints: readonly EtcdAddress[];
  readonly rootPrefix: string;
  readonly ca: Source | null;
  readonly cert: Source | null;
  readonly key: Source | null;
  readonly user: string | null;
  readonly password: Source | null;
  readonly authority: string | null;
}

/** Keys of ModelMesh's JSON (spec `modelmesh.md` §3.1). */
const KEYS = [
  'endpoints',
  'userid',
  'password',
  'root_prefix',
  'certificate_file',
  'certificate',
  'client_key_file',
  'client_key',
  'client_certificate_file',
  'client_certificate',
  'override_authority',
] as const;
type Key = (typeof KEYS)[number];

/**
 * Reads the JSON by which ModelMesh and its controller are told of etcd. Paths in it are relative to its folder.
 *
 * @throws {MeshError} `invalid-argument` with everything that is wrong in the file, and never a secret of it
 */
export function readConnectionFile(path: string): EtcdSources {
  const values = stringsOf(parse(path));
  const problems = [...values.problems];
  const get = (key: Key): string | null => values.found.get(key) ?? null;
  const source = (file: Key, text: Key): Source | null => {
    const [named, given] = [get(file), get(text)];
    if (named !== null) return { path: resolve(dirname(path), named) };
    return given === null ? null : { text: given };
  };
  const endpoints = endpointsOf(get('endpoints'), problems);
  const cert = source('client_certificate_file', 'client_certificate');
  const key = source('client_key_file', 'client_key');
  if (cert === null && key !== null) problems.push('client_certificate_file is missing: the certificate of the client key');
  if (cert !== null && key === null) problems.push('client_key_file is missing: the key of the client certificate');
  const [user, password] = [get('userid'), get('password')];
  if (user !== null && password === null) problems.push('password is missing: the one of userid');
  if (user === null && password !== null) problems.push('userid is missing: the user of the password');
  if (problems.length > 0) throw wrong(path, problems.join('; '));
  return {
    endpoints,
    rootPrefix: get('root_prefix') ?? '',
    ca: source('certificate_file', 'certificate'),
    cert,
    key,
    user,
    password: password === null ? null : { text: password },
    authority: get('override_authority'),
  };
}

const wrong = (path: string, what: string, cause?: unknown): MeshError =>
  new MeshError('invalid-argument', `the file ${path} is no connection to etcd: ${what}`, { cause });

function parse(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw wrong(path, `it cannot be read: ${code}`, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words quote the text, which may hold a password.
    throw wrong(path, 'it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'it must hold an object');
  return value as Readonly<Record<string, unknown>>;
}

function stringsOf(values: Readonly<Record<string, unknown>>) {
  const found = new Map<Key, string>();
  const problems: string[] = [];
  for (const key of KEYS) {
    const value = values[key];
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'string') found.set(key, value);
    else problems.push(`${key} must be a text`);
  }
  // Keys that are not known belong to other programs: the file is shared with them.
  return { found, problems };
}

function endpointsOf(text: string | null, problems: string[]): EtcdAddress[] {
  const items = (text ?? '').split(',').filter((item) => item.trim() !== '');
  if (items.length === 0) problems.push(`endpoints is missing: ${etcdAddress.expected}, several separated by commas`);
  return items.flatMap((item) => {
    const address = etcdAddress.parse(item.trim());
    if (address === undefined) problems.push(`endpoints has ${JSON.stringify(item)}, expected ${etcdAddress.expected}`);
    return address ?? [];
  });
}
