import type { SessionOptions } from 'node:http2';
import type { StreamLimits } from '../port.ts';

/** Fields of one header list; the bytes are limited apart from it. */
const HEADER_FIELDS_MAX = 1024;
/**
 * Megabytes that the engine may hold for one connection before it refuses new streams with ENHANCE_YOUR_CALM: unsent answers and
 * undelivered header lists. What is forwarded is bounded by windows long before; a runtime hands over whole answers, so that one caller that
 * does not read its large ones must not shut out everybody who shares the connection.
 */
const SESSION_MEMORY_MB_MAX = 1024;
/** Streams that a peer may open beyond its limit before the connection is ended. */
const REJECTED_STREAMS_MAX = 10_000;
/** Resets a peer may send in one burst, and each second after it: cancellations are normal in a mesh, a flood of them is an attack. */
const RESET_BURST_MAX = 10_000;
const RESETS_PER_SECOND_MAX = 2000;

/**
 * How far beyond its limit a header list is read, so that it can be answered in words, and to what length at most. A longer one resets its
 * stream; one of more than eight CONTINUATION frames (144 KiB), or with a name or value of more than 64 KiB as it is encoded, ends its
 * connection: so nghttp2, of whose two limits one is built in and the other none of those that Node lets us set (Node 26).
 */
const HEADER_EXCESS_BYTES_MAX = 65_536;
const HEADER_READ_BYTES_MAX = 131_072;

/** What a client sends to a peer that may be of this engine: what such a peer can read without ending the connection of everybody. */
export const HEADER_TEXT_BYTES_MAX = 65_536;
export const sentListBytesMax = ({ headerListBytesMax: max }: StreamLimits): number => Math.min(max, HEADER_READ_BYTES_MAX);

/** Options that Node knows and its type declarations do not. */
interface UndeclaredOptions {
  readonly strictSingleValueFields: boolean;
  readonly maxSessionRejectedStreams: number;
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
}

/** The header list that the engine reads; of a longer one it knows nothing but that it is too long. */
function headerReadBytes({ headerListBytesMax: max }: StreamLimits): number {
  return Math.max(max, Math.min(max + HEADER_EXCESS_BYTES_MAX, HEADER_READ_BYTES_MAX));
}

/** How a session of `node:http2` is set up on either side. */
export function sessionOptions(limits: StreamLimits, side: 'server' | 'client'): SessionOptions & UndeclaredOptions {
  return {
    // Forwarded blocks are sent as they came: duplicates of single-valued fields are the other side's business.
    strictSingleValueFields: false,
    maxHeaderListPairs: HEADER_FIELDS_MAX,
    maxSendHeaderBlockLength: side === 'client' ? sentListBytesMax(limits) : limits.headerListBytesMax,
    maxSessionMemory: SESSION_MEMORY_MB_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    streamResetBurst: RESET_BURST_MAX,
    streamResetRate: RESETS_PER_SECOND_MAX,
    settings: {
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: headerReadBytes(limits),
      ...(side === 'server' ? { maxConcurrentStreams: limits.streamsPerConnectionMax } : { enablePush: false }),
    },
  };
}
