import type { ConnectionInfo } from '@modelmesh/grpc/stream';

/** The header of a relayed stream: the word that shows that a worker of this node sent it, then what that knows of the connection. */
export const RELAYED_HEADER = 'mesh-relayed';

/** What a certificate may name besides its subject; further names are not relayed. Nobody decides by them. */
const ALT_NAMES_MAX = 32;

/** The value of the header. @param word a secret that this process made for its own threads */
export function relayedHeader(
  word: string,
  { remoteAddress, encrypted, clientCertificate: certificate }: ConnectionInfo,
): string {
  const shown = certificate && { subject: certificate.subject, altNames: certificate.altNames.slice(0, ALT_NAMES_MAX) };
  const facts = JSON.stringify({ remoteAddress, encrypted, clientCertificate: shown });
  return `${word} ${Buffer.from(facts).toString('base64')}`;
}

/** What {@link relayedHeader} said; `undefined` for a header that does not begin with the word. */
export function readRelayedHeader(word: string, value: string | undefined): ConnectionInfo | undefined {
  if (value?.startsWith(`${word} `) !== true) return undefined;
  // Whoever knows the word is this process.
  const facts: Partial<ConnectionInfo> = JSON.parse(Buffer.from(value.slice(word.length + 1), 'base64').toString());
  const { remoteAddress = '', encrypted = false, clientCertificate } = facts;
  return { remoteAddress, encrypted, clientCertificate };
}
