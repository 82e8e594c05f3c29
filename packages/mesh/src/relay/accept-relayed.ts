import { refuseHttp } from '@modelmesh/grpc/call';
import type { AcceptStream, ConnectionInfo, ServerConnection } from '@modelmesh/grpc/stream';
import { RELAYED_HEADER, readRelayedHeader } from './connection-facts.ts';

/** Control's side: gives what workers relay to `accept`, as if it had come on the client's own connection. */
export function acceptRelayed(word: string, accept: AcceptStream): AcceptStream {
  return (stream, headers, end, connection) => {
    const info = readRelayedHeader(word, headers.get(RELAYED_HEADER));
    if (info === undefined) return refuseHttp(stream, 403, end);
    const own = headers.without((name) => name === RELAYED_HEADER);
    return accept(stream, own, end, asIfFrom(info, connection));
  };
}

/** The connection between the threads, with the facts of the client's. */
function asIfFrom(info: ConnectionInfo, carrier: ServerConnection): ServerConnection {
  return {
    info,
    get streamCount() {
      return carrier.streamCount;
    },
    // The worker drains the client's connection, and others share this one.
    drain: () => undefined,
    destroy: () => undefined,
    onClose: undefined,
  };
}
