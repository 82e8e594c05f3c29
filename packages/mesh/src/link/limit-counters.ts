import { STREAM_LIMIT_DEFAULTS, type StreamLimitName } from '@modelmesh/grpc/stream';

/** A limit of HTTP/2 as metrics name it. */
export type Http2LimitLabel = `http2.${StreamLimitName}`;

const NAMES = Object.keys(STREAM_LIMIT_DEFAULTS) as readonly StreamLimitName[];
const PLACES: ReadonlyMap<StreamLimitName, number> = new Map(NAMES.map((name, at) => [name, at]));

/** How often each limit of HTTP/2 refused or ended something, over all workers: they and control share the memory. */
export class LimitCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: BigInt64Array;

  /** @param buffer of other counters, to share them; new ones without it */
  constructor(buffer = new SharedArrayBuffer(NAMES.length * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counts = new BigInt64Array(buffer);
  }

  /** Worker: `limit` refused or ended something. Bound, to be handed to an engine. */
  readonly add = (limit: StreamLimitName): void => {
    Atomics.add(this.#counts, PLACES.get(limit) ?? 0, 1n);
  };

  /** Control: since the start, all of them. */
  counts(): ReadonlyMap<Http2LimitLabel, number> {
    return new Map(NAMES.map((name, at) => [`http2.${name}`, Number(Atomics.load(this.#counts, at))]));
  }
}
