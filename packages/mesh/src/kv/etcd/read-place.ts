import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { MeshError, toMeshError } from '@modelmesh/core';
import type { ClientTls } from '@modelmesh/grpc/stream';
import type { Config, ConfigProblem, EtcdSettings } from '../../config/index.ts';
import type { EtcdPlace } from '../etcd-place.ts';
import { type EtcdSources, readConnectionFile, type Source } from './connection-file.ts';

/** The configuration of a registry in etcd. */
type EtcdConfig = Extract<Config['registry'], { readonly kind: 'etcd' }>;

/**
 * The place that a configuration names. Files are read again for each connection and each sign-in, ModelMesh's JSON with them, so that
 * certificates and passwords that are exchanged count without a restart.
 *
 * @throws {MeshError} `invalid-argument` with everything that is wrong
 */
export function readEtcdPlace({ from }: EtcdConfig): EtcdPlace {
  const read = (): EtcdSources => ('file' in from ? readConnectionFile(from.file) : sourcesOf(from.settings));
  const first = read();
  const isSecure = first.endpoints.some(({ scheme }) => scheme === 'https') || first.ca !== null || first.cert !== null;
  return {
    endpoints: first.endpoints.map(({ host, port }) => ({ host, port })),
    rootPrefix: first.rootPrefix,
    ...(isSecure ? { tls: () => readTls(read()) } : {}),
    ...(first.user === null ? {} : { user: { name: first.user, password: () => readPassword(read()) } }),
    ...(first.authority === null ? {} : { authority: first.authority }),
  };
}

/** For `parseConfig`: what is wrong with the files that the registry needs, all of it. */
export function checkEtcdFiles({ registry }: Pick<Config, 'registry'>): readonly ConfigProblem[] {
  if (registry.kind !== 'etcd') return [];
  const name = 'file' in registry.from ? 'registry.file' : 'registry';
  const value = 'file' in registry.from ? registry.from.file : 'etcd';
  const problems: ConfigProblem[] = [];
  const tryTo = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      problems.push({ name, value, from: name, expected: `usable files: ${toMeshError(error).message}` });
    }
  };
  let place: EtcdPlace | undefined;
  tryTo(() => {
    place = readEtcdPlace(registry);
  });
  tryTo(() => place?.tls?.());
  tryTo(() => place?.user?.password());
  return problems;
}

function sourcesOf(settings: EtcdSettings): EtcdSources {
  const file = (path: string | null): Source | null => (path === null ? null : { path });
  return {
    endpoints: settings.endpoints,
    rootPrefix: settings.rootPrefix,
    ca: file(settings.caPath),
    cert: file(settings.certPath),
    key: file(settings.keyPath),
    user: settings.user,
    password: file(settings.passwordFile),
    authority: settings.authority,
  };
}

function readTls({ ca, cert, key }: EtcdSources): ClientTls {
  const tls: ClientTls = {
    ...(ca === null ? {} : { ca: [readSource(ca, "etcd's authorities")] }),
    ...(cert === null ? {} : { cert: readSource(cert, "the node's certificate for etcd") }),
    ...(key === null ? {} : { key: readSource(key, "the private key of the node's certificate for etcd") }),
  };
  // The engine skips what is no certificate, and would then trust nobody without a word.
  if (tls.ca?.some((text) => !text.includes('-----BEGIN CERTIFICATE-----')) === true)
    throw new MeshError('invalid-argument', "the certificates for etcd cannot be used: those of etcd's authorities are no PEM");
  try {
    createSecureContext({ ...tls, ca: [...(tls.ca ?? [])] });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown reason';
    throw new MeshError('invalid-argument', `the certificates for etcd cannot be used: ${why}`, { cause: error });
  }
  return tls;
}

/** One line end behind the password is the editor's. */
const readPassword = ({ password }: EtcdSources): string =>
  password === null ? '' : readSource(password, 'the password for etcd').replace(/\r?\n$/, '');

/** @throws {MeshError} `invalid-argument` that names the file and never its content */
function readSource(source: Source, what: string): string {
  if ('text' in source) return source.text;
  try {
    return readFileSync(source.path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `${what} cannot be read from ${source.path}: ${code}`, { cause: error });
  }
}
