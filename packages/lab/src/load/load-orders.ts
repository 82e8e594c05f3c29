/** What a load process is asked for: a unary gRPC load at one port of the loopback. */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  /** Flat metadata of every call. */
  readonly metadata: readonly string[];
  /** Whether each call has a `traceparent` and an `x-request-id` of its own. */
  readonly uniqueHeaders: boolean;
  /** Bytes of the message. */
  readonly messageBytes: number;
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly calls: number;
}

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
