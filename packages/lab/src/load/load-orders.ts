/** Calls at one port of the loopback. */
export interface CallsOrder {
  readonly port: number;
  readonly path: string;
  /** Flat metadata of every call. */
  readonly metadata: readonly string[];
  /** Bytes of each message. */
  readonly messageBytes: number;
  readonly connections: number;
  readonly streamsPerConnection: number;
}

/** A unary gRPC load. */
export interface LoadOrder extends CallsOrder {
  /** Whether each call has a `traceparent` and an `x-request-id` of its own. */
  readonly uniqueHeaders: boolean;
  readonly calls: number;
}

/** What a load process is asked for. */
export type ProcessOrder =
  | ({ readonly kind: 'load' } & LoadOrder)
  /** Opens streams and keeps them: each has sent a message and got its answer. */
  | ({ readonly kind: 'hold' } & CallsOrder)
  /** One message and its answer on every stream that is held. */
  | { readonly kind: 'round' }
  /** Ends the streams that are held. */
  | { readonly kind: 'release' };

/** What came of it; every call was answered rightly. */
export interface LoadSummary {
  readonly completed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a load process says in the end. */
export type LoadAnswer =
  | { readonly summary: LoadSummary; readonly failure?: undefined }
  | { readonly summary?: undefined; readonly failure: string };
