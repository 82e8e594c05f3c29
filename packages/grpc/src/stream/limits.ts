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
