import { STREAM_LIMIT_DEFAULTS, type StreamLimitName } from '@modelmesh/grpc/stream';

/** A limit of HTTP/2 as metrics name it. */
export type Http2LimitLabel = `http2.${StreamLimitName}`;

/** Limits of the rules of endpoints, by which a rule has no value for a call. */
export const RULE_LIMIT_NAMES = ['rules.evaluationCost', 'rules.payloadBytes'] as const;
/** One of {@link RULE_LIMIT_NAMES}. */
export type RuleLimitLabel = (typeof RULE_LIMIT_NAMES)[number];

/** Limits of the variants of endpoints. */
export const VARIANT_LIMIT_NAMES = ['variants.concurrencyMax'] as const;
/** One of {@link VARIANT_LIMIT_NAMES}. */
export type VariantLimitLabel = (typeof VARIANT_LIMIT_NAMES)[number];

/** A limit that workers count, as metrics name it. */
export type WorkerLimitLabel = Http2LimitLabel | RuleLimitLabel | VariantLimitLabel;

const HTTP2_NAMES = Object.keys(STREAM_LIMIT_DEFAULTS) as readonly StreamLimitName[];
const NAMES: readonly WorkerLimitLabel[] = [
  ...HTTP2_NAMES.map((name) => `http2.${name}` as const),
  ...RULE_LIMIT_NAMES,
  ...VARIANT_LIMIT_NAMES,
];
const PLACES: ReadonlyMap<WorkerLimitLabel, number> = new Map(NAMES.map((name, at) => [name, at]));

/** How often each limit of HTTP/2 and of rules refused or ended something, over all workers: they and control share the memory. */
export class LimitCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: BigInt64Array;

  /** @param buffer of other counters, to share them; new ones without it */
  constructor(buffer = new SharedArrayBuffer(NAMES.length * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counts = new BigInt64Array(buffer);
  }

  /** Worker: `limit` refused or ended something. Bound, to be handed to an engine. */
  readonly add = (limit: StreamLimitName): void => this.addLabel(`http2.${limit}`);

  /** Worker: as {@link add}, for a limit of any kind. */
  addLabel(limit: WorkerLimitLabel): void {
    Atomics.add(this.#counts, PLACES.get(limit) ?? 0, 1n);
  }

  /** Control: since the start, all of them. */
  counts(): ReadonlyMap<WorkerLimitLabel, number> {
    return new Map(NAMES.map((name, at) => [name, Number(Atomics.load(this.#counts, at))]));
  }
}
