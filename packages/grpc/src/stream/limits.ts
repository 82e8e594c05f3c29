import { durationMs } from '@modelmesh/core';
import type { StreamLimits } from './port.ts';

/**
 * The limits of a connection unless configured otherwise.
 *
 * The window of a stream is HTTP/2's own default, so that 1 000 stalled streams hold at most 96 MiB with the slack; the connection's
 * is wide because its credit returns on receipt and it must never be what stalls a neighbour.
 */
export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  streamsPerConnectionMax: 1000,
  headerListBytesMax: 65_536,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 4_194_304,
  queuedStreamsMax: 4096,
};

/** How long a connection may take until the settings of the other side have come, unless an engine is told otherwise. */
export const CONNECT_TIMEOUT_MS = durationMs(10_000);

/** What may lie delivered and unconsumed on one connection, and on all connections of one engine, which is one worker's. */
export const CONNECTION_UNCONSUMED_BYTES_MAX = 67_108_864;
export const UNCONSUMED_BYTES_MAX = 268_435_456;
