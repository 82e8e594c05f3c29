import type { Clock, DurationMs } from '@modelmesh/core';
import { CONNECT_TIMEOUT_MS, CONNECTION_UNCONSUMED_BYTES_MAX, type EngineLimitName, UNCONSUMED_BYTES_MAX } from '../limits.ts';
import type { StreamEngine } from '../port.ts';
import { ReceiveBudget } from '../receive-budget.ts';
import { NodeClientConnection } from './client.ts';
import { NodeServerConnection } from './server.ts';

/** What the engine needs, and its debug mode. */
export interface NodeHttp2EngineOptions {
  readonly clock: Clock;
  /** Until the peer's HTTP/2 settings have come; 10 s unless given. */
  readonly connectTimeoutMs?: DurationMs;
  /** Delivered and unconsumed bytes of one connection; above, the longest stalled stream is reset. 64 MiB unless given. */
  readonly connectionUnconsumedBytesMax?: number;
  /** The same over all connections of this engine. 256 MiB unless given. */
  readonly unconsumedBytesMax?: number;
  /** Hears each time that a limit of the engine refused or ended something; those of a connection are nghttp2's, which tells nobody. */
  readonly onLimit?: (limit: EngineLimitName) => void;
  /** Overwrites consumed and sent buffers, so that use after ownership ended shows at once. For tests. */
  readonly poison?: boolean;
}

/** The stream port on `node:http2`. */
export function createNodeHttp2Engine(options: NodeHttp2EngineOptions): StreamEngine {
  const {
    clock,
    onLimit,
    poison = false,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    connectionUnconsumedBytesMax = CONNECTION_UNCONSUMED_BYTES_MAX,
    unconsumedBytesMax = UNCONSUMED_BYTES_MAX,
  } = options;
  const whole = new ReceiveBudget<EngineLimitName>('unconsumedBytesMax', unconsumedBytesMax, { onLimit });
  const budget = (): ReceiveBudget<EngineLimitName> =>
    new ReceiveBudget<EngineLimitName>('connectionUnconsumedBytesMax', connectionUnconsumedBytesMax, { parent: whole, onLimit });
  return {
    name: 'node-http2',
    serve: (socket, info, limits, accept, refuse) =>
      new NodeServerConnection(socket, info, { limits, budget: budget(), poison }, { accept, refuse }),
    connect: (target, limits) =>
      new NodeClientConnection(target, { limits, budget: budget(), poison, clock, connectTimeoutMs, onLimit }),
  };
}
