import { durationMs } from '@modelmesh/core';
import { DEFAULT_CONNECTION_LIMITS, FIXED_LIMITS, type LimitName, type Rate } from '@modelmesh/h2/connection';
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
  streamWindowBytesMax: 1_048_576,
  connectionWindowBytes: 4_194_304,
  queuedStreamsMax: 4096,
};

/** How long a connection may take until the settings of the other side have come, unless an engine is told otherwise. */
export const CONNECT_TIMEOUT_MS = durationMs(10_000);

/** What may lie delivered and unconsumed on one connection, and on all connections of one engine, which is one worker's. */
export const CONNECTION_UNCONSUMED_BYTES_MAX = 67_108_864;
export const UNCONSUMED_BYTES_MAX = 268_435_456;

/** Pings of ours that may wait for their answer on one connection; further ones are not sent. */
export const UNANSWERED_PINGS_MAX = 16;

/** Limits of an engine beside those of a connection on frames. */
export type EngineLimitName = 'queuedStreamsMax' | 'unansweredPingsMax' | 'connectionUnconsumedBytesMax' | 'unconsumedBytesMax';

/** The name of a limit, as messages and metrics have it. */
export type StreamLimitName = LimitName | EngineLimitName;

/** What holds in an engine on frames, by the name of the limit: octets, milliseconds or a number as the name says, or a rate. */
export const STREAM_LIMIT_DEFAULTS: Readonly<Record<StreamLimitName, number | Rate>> = {
  ...DEFAULT_CONNECTION_LIMITS,
  ...FIXED_LIMITS,
  streamsMax: DEFAULT_STREAM_LIMITS.streamsPerConnectionMax,
  sentListBytesMax: DEFAULT_STREAM_LIMITS.headerListBytesMax,
  queuedStreamsMax: DEFAULT_STREAM_LIMITS.queuedStreamsMax,
  unansweredPingsMax: UNANSWERED_PINGS_MAX,
  connectionUnconsumedBytesMax: CONNECTION_UNCONSUMED_BYTES_MAX,
  unconsumedBytesMax: UNCONSUMED_BYTES_MAX,
};
