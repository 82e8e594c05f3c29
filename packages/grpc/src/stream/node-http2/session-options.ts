import type { SessionOptions } from 'node:http2';
import type { StreamLimits } from '../port.ts';

/** Fields of one header list; the bytes are limited apart from it. */
const HEADER_FIELDS_MAX = 1024;
/** Megabytes that the engine may hold for one connection before it refuses new streams: unsent frames and undelivered header lists. */
const SESSION_MEMORY_MB_MAX = 64;
/** Streams that a peer may open beyond its limit before the connection is ended. */
const REJECTED_STREAMS_MAX = 10_000;
/** Resets a peer may send in one burst, and each second after it: cancellations are normal in a mesh, a flood of them is an attack. */
const RESET_BURST_MAX = 10_000;
const RESETS_PER_SECOND_MAX = 2000;

/** Options that Node knows and its type declarations do not. */
interface UndeclaredOptions {
  readonly strictSingleValueFields: boolean;
  readonly maxSessionRejectedStreams: number;
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
}

/** How a session of `node:http2` is set up on either side. */
export function sessionOptions(limits: StreamLimits, side: 'server' | 'client'): SessionOptions & UndeclaredOptions {
  return {
    // Forwarded blocks are sent as they came: duplicates of single-valued fields are the other side's business.
    strictSingleValueFields: false,
    maxHeaderListPairs: HEADER_FIELDS_MAX,
    maxSendHeaderBlockLength: limits.headerListBytesMax,
    maxSessionMemory: SESSION_MEMORY_MB_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    streamResetBurst: RESET_BURST_MAX,
    streamResetRate: RESETS_PER_SECOND_MAX,
    settings: {
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: limits.headerListBytesMax,
      ...(side === 'server' ? { maxConcurrentStreams: limits.streamsPerConnectionMax } : { enablePush: false }),
    },
  };
}
