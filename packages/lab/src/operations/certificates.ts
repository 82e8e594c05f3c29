import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type CertificateAndKey, selfSignedCertificate } from '@modelmesh/mesh/certificates';
import { realClock } from '../node-process/index.ts';

/** A certificate that signed itself, for `localhost` unless named. */
export const certificate = (name = 'localhost'): CertificateAndKey =>
  selfSignedCertificate([name, 'localhost'], realClock.wallMs());

/** Files of a node with TLS, below `folder`, and the flags that name them. */
export class TlsFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, 'tls');
    mkdirSync(join(this.#folder, 'trust'), { recursive: true });
  }

  /** The certificate and the key of the node. */
  use({ cert, key }: CertificateAndKey): void {
    writeFileSync(join(this.#folder, 'tls.crt'), cert);
    writeFileSync(join(this.#folder, 'tls.key'), key);
  }

  /** A client that the node trusts. */
  trust({ cert }: CertificateAndKey): void {
    writeFileSync(join(this.#folder, 'trust', 'client.pem'), cert);
  }

  /** Replaces the key by what is none. */
  spoilKey(): void {
    writeFileSync(join(this.#folder, 'tls.key'), 'not a key');
  }

  get flags(): Readonly<Record<string, string>> {
    return { 'tls-cert-path': join(this.#folder, 'tls.crt'), 'tls-key-path': join(this.#folder, 'tls.key') };
  }

  /** For {@link flags}: clients must show a certificate that is trusted. */
  get clientFlags(): Readonly<Record<string, string>> {
    return { 'tls-client-auth': 'require', 'tls-trust-paths': join(this.#folder, 'trust') };
  }
}

/** What a client of TLS brings: whom it trusts, and who it is. */
export type ClientTls = Readonly<Partial<CertificateAndKey>> & { readonly ca: string };

/** One request over HTTP/1.1 and TLS, on a connection of its own. @throws why there was no answer */
export function askHttp1(
  url: string,
  tls: ClientTls,
  json?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const method = json === undefined ? 'GET' : 'POST';
  const headers = json === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
  return new Promise((resolve, reject) => {
    const asking = request(url, { ...tls, method, headers, agent: false, servername: 'localhost' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    asking.on('error', reject);
    asking.end(json);
  });
}
