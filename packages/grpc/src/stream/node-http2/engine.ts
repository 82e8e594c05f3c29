import { type Clock, type DurationMs, durationMs } from '@modelmesh/core';
import type { StreamEngine } from '../port.ts';
import { NodeClientConnection } from './client.ts';
import { NodeServerConnection } from './server.ts';

/** How long a connection may take until the settings of the other side have come. */
const CONNECT_TIMEOUT_MS = durationMs(10_000);

/** What the engine needs, and its debug mode. */
export interface NodeHttp2EngineOptions {
  readonly clock: Clock;
  /** Until the peer's HTTP/2 settings have come; 10 s unless given. */
  readonly connectTimeoutMs?: DurationMs;
  /** Overwrites consumed and sent buffers, so that use after ownership ended shows at once. For tests. */
  readonly poison?: boolean;
}

/** The stream port on `node:http2`. */
export function createNodeHttp2Engine(options: NodeHttp2EngineOptions): StreamEngine {
  const poison = options.poison === true;
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  return {
    name: 'node-http2',
    serve: (socket, info, limits, accept) => new NodeServerConnection(socket, info, limits, accept, poison),
    connect: (target, limits) => new NodeClientConnection(target, limits, { clock: options.clock, connectTimeoutMs, poison }),
  };
}
