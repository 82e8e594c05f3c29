import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ConnectionInfo } from '../stream/index.ts';

/** The subject as RFC 2253 writes it: last attribute first, separated by commas. Node gives one escaped attribute a line. */
export function rfc2253(subject: string): string {
  return subject
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .join(',');
}

/** The alternative names as `DNS:…`, `URI:…`, `IP Address:…`; names with special characters come quoted as JSON. */
export function splitAltNames(text: string): string[] {
  const names = text.match(/[^:,]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return names.map((name) =>
    name.trim().replace(/^([^:]+:)(".*")$/s, (_whole, kind: string, quoted: string) => kind + String(JSON.parse(quoted))),
  );
}

function certificateOf(socket: TLSSocket): ConnectionInfo['clientCertificate'] {
  const certificate: X509Certificate | undefined = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  return { subject: rfc2253(certificate.subject), altNames: splitAltNames(certificate.subjectAltName ?? '') };
}

/** What is known of an accepted socket: plain, or TLS after its handshake. */
export function connectionInfoOf(socket: Socket): ConnectionInfo {
  const remoteAddress = socket.remoteAddress ?? 'unix';
  if (!(socket instanceof TLSSocket)) return { remoteAddress, encrypted: false, clientCertificate: undefined };
  return { remoteAddress, encrypted: true, clientCertificate: certificateOf(socket) };
}
