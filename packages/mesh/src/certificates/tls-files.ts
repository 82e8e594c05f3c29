import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { MeshError, toMeshError } from '@modelmesh/core';
import type { ClientTls } from '@modelmesh/grpc/stream';
import type { Config, ConfigProblem, TlsConfig } from '../config/index.ts';

/** File endings that count as certificates when a trust path is a folder (spec `modelmesh.md` §6.7). */
const CERTIFICATE_ENDINGS = new Set(['.pem', '.crt']);

/**
 * Reads certificate, key and trust lists from their files.
 *
 * @throws {MeshError} `invalid-argument` that names the file and never its content
 */
export function readTlsMaterial(config: TlsConfig): SecureContextOptions {
  const options: SecureContextOptions = {
    cert: read(config.certPath, 'certificate'),
    key: read(config.keyPath, 'private key'),
    minVersion: 'TLSv1.2',
  };
  if (config.keyPassphrase !== null) options.passphrase = config.keyPassphrase;
  if (config.trustPaths.length > 0) options.ca = config.trustPaths.flatMap(readTrust);
  // Nodes that share a certificate trust it as it is, whoever signed it.
  if (config.trustPaths.includes(config.certPath)) options.allowPartialTrustChain = true;
  try {
    createSecureContext(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown reason';
    const sentence = `certificate ${config.certPath} and key ${config.keyPath} cannot be used: ${why}`;
    throw new MeshError('invalid-argument', sentence, { cause: error });
  }
  return options;
}

/**
 * The other side of {@link readTlsMaterial}: what a node shows and trusts that calls others under the same configuration.
 *
 * @throws {MeshError} `invalid-argument` as there
 */
export function readClientTls(config: TlsConfig): ClientTls {
  const { cert, key, ca, passphrase } = readTlsMaterial(config);
  const opened =
    passphrase === undefined ? key : createPrivateKey({ key: String(key), passphrase }).export({ type: 'pkcs8', format: 'pem' });
  return { cert: String(cert), key: String(opened), ca: [ca ?? []].flat().map(String), anyName: true };
}

/** For `parseConfig`: what is wrong with the files that a configuration names. */
export function checkTlsFiles({ tls, peer }: Pick<Config, 'tls' | 'peer'>): readonly ConfigProblem[] {
  return [...problemsOf('tls', tls), ...problemsOf('peer.tls', peer?.tls ?? null)];
}

function problemsOf(name: string, tls: TlsConfig | null): readonly ConfigProblem[] {
  // Without both there is a problem already.
  if (tls === null || tls.certPath === '' || tls.keyPath === '') return [];
  try {
    readTlsMaterial(tls);
    return [];
  } catch (error) {
    const expected = `usable files: ${toMeshError(error).message}`;
    return [{ name, value: tls.certPath, from: `${name}.certPath`, expected }];
  }
}

/** Everything that {@link readTlsMaterial} reads. */
export const tlsPaths = (config: TlsConfig): readonly string[] => [config.certPath, config.keyPath, ...config.trustPaths];

function readTrust(path: string): string[] {
  if (!stat(path).isDirectory()) return [read(path, 'trusted certificate')];
  return readdirSync(path)
    .filter((name) => CERTIFICATE_ENDINGS.has(extname(name)))
    .sort()
    .map((name) => read(join(path, name), 'trusted certificate'));
}

function stat(path: string): { isDirectory(): boolean } {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, 'trusted certificate', error);
  }
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, what, error);
  }
}

function unreadable(path: string, what: string, error: unknown): MeshError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
  return new MeshError('invalid-argument', `${what} ${path} cannot be read: ${code}`, { cause: error });
}
