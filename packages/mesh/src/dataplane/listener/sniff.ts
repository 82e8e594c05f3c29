import type { Socket } from 'node:net';

/** What the first bytes of a connection say that it speaks. */
export type Protocol = 'tls' | 'http2' | 'http1';

/** The client connection preface of HTTP/2; source: RFC 9113 §3.4. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** ContentType of a TLS record that carries a handshake; source: RFC 8446 §5.1. */
const TLS_HANDSHAKE = 0x16;

/**
 * Tells protocols apart by the first bytes; `undefined` while they could still be the beginning of an HTTP/2 preface.
 *
 * Anything that is neither TLS nor HTTP/2 is handed to the HTTP/1.1 parser, which knows best how to refuse it.
 */
export function protocolOf(first: Uint8Array): Protocol | undefined {
  if (first.length === 0) return undefined;
  if (first[0] === TLS_HANDSHAKE) return 'tls';
  const compared = Math.min(first.length, HTTP2_PREFACE.length);
  for (let i = 0; i < compared; i++) {
    if (first[i] !== HTTP2_PREFACE[i]) return 'http1';
  }
  return compared === HTTP2_PREFACE.length ? 'http2' : undefined;
}

/**
 * Reads the first bytes of a fresh socket, puts them back and reports the protocol. Calls back at most once; not at all when the socket
 * closes first, or ends, which closes it.
 */
export function sniff(socket: Socket, decided: (protocol: Protocol) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    }
    const protocol = protocolOf(seen);
    if (protocol === undefined) return;
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.unshift(seen);
    decided(protocol);
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}
