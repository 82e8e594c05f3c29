import type { EpochMs } from '../units.ts';

/** A value that a declared payload field may have. */
export type PayloadValue = string | number | bigint | boolean;

/**
 * What a policy may know of a call. Read on demand and never stored: headers stay where they are until a rule asks for one.
 *
 * `tenant` and `client` come from the proven identity of the caller alone; no header can set them.
 */
export interface RequestFacts {
  /** A header or metadata field by its lower-case name; several are joined by `, `. */
  header(name: string): string | undefined;
  /** Names of the header fields, for expressions that go through all of them. */
  headerNames(): readonly string[];
  /** A query parameter, decoded; the first of several. `undefined` also for calls that have no query. */
  query(name: string): string | undefined;
  queryNames(): readonly string[];
  /** Path of the request, without its query; of gRPC calls `/package.Service/Method`. */
  readonly path: string;
  /** HTTP method; of gRPC calls `POST`. */
  readonly method: string;
  /** Organisation of the caller; empty where nothing proves one. */
  readonly tenant: string;
  /** Subject of the caller; empty where nothing proves one. */
  readonly client: string;
  readonly nowMs: EpochMs;
  /** A declared payload field, in the type that was declared; `undefined`: it was not found within its limit. */
  payload(name: string): PayloadValue | undefined;
  /** Unit of a verified sticky token, or of the new one that this call's answer will bring; `undefined`: the policy has no tokens. */
  readonly tokenUnit: string | undefined;
}
