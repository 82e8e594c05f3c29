/**
 * Ids and quantities of the domain: primitives at run time, incompatible with one another at compile time.
 */

declare const brand: unique symbol;
/** A primitive that carries a name at compile time only. */
export type Brand<Primitive, Name extends string> = Primitive & { readonly [brand]: Name };

/** Name of a model in the registry: any non-empty UTF-8 string; `family@version` where a model has both. */
export type ModelKey = Brand<string, 'ModelKey'>;
/** Stable name that clients call; ModelMesh's vmodel id. */
export type EndpointId = Brand<string, 'EndpointId'>;
/** One mesh node with its local runtime: non-empty, without a comma (spec `modelmesh.md` §3.1). */
export type InstanceId = Brand<string, 'InstanceId'>;
/** Name space of models and endpoints; `default` uses ModelMesh's registry keys. */
export type Namespace = Brand<string, 'Namespace'>;

/** Model memory in quanta of {@link UNIT_BYTES}. */
export type SizeUnits = Brand<number, 'SizeUnits'>;
/** A number of bytes. */
export type Bytes = Brand<number, 'Bytes'>;
/** Wall clock: milliseconds since the Unix epoch. Never compared between nodes. */
export type EpochMs = Brand<number, 'EpochMs'>;
/** Monotonic clock of one process, in milliseconds with fractions. */
export type MonotonicMs = Brand<number, 'MonotonicMs'>;
/** A length of time in milliseconds. */
export type DurationMs = Brand<number, 'DurationMs'>;
/** Position in the history of a registry: grows with every committed transaction. */
export type Revision = Brand<number, 'Revision'>;

/** The quantum of model memory; source: spec `modelmesh.md`, vocabulary. */
export const UNIT_BYTES = 8192;

/** The longest model key, endpoint id or namespace that is accepted, in UTF-8 bytes. */
export const ID_BYTES_MAX = 1024;

const nonEmpty = (text: string, what: string): string => {
  if (text.length === 0) throw new RangeError(`${what} must not be empty`);
  return text;
};

/** Brands a model key. @throws {RangeError} if empty. */
export const modelKey = (text: string): ModelKey => nonEmpty(text, 'a model key') as ModelKey;
/** Brands an endpoint id. @throws {RangeError} if empty. */
export const endpointId = (text: string): EndpointId => nonEmpty(text, 'an endpoint id') as EndpointId;
/** Brands a namespace. @throws {RangeError} if empty. */
export const namespace = (text: string): Namespace => nonEmpty(text, 'a namespace') as Namespace;
/** Brands an instance id. @throws {RangeError} if empty or with a comma, which separates ids in ModelMesh's lists. */
export const instanceId = (text: string): InstanceId => {
  if (text.includes(',')) throw new RangeError(`an instance id must not contain a comma: ${text}`);
  return nonEmpty(text, 'an instance id') as InstanceId;
};

/** The namespace whose registry keys are ModelMesh's own. */
export const DEFAULT_NAMESPACE = namespace('default');

const finite = (value: number, what: string): number => {
  if (!Number.isFinite(value)) throw new RangeError(`${what} must be a finite number, got ${value}`);
  return value;
};
const natural = (value: number, what: string): number => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} must be a non-negative integer, got ${value}`);
  return value;
};

/** Brands a wall clock instant. @throws {RangeError} unless finite. */
export const epochMs = (value: number): EpochMs => finite(value, 'an instant') as EpochMs;
/** Brands a monotonic instant. @throws {RangeError} unless finite. */
export const monotonicMs = (value: number): MonotonicMs => finite(value, 'an instant') as MonotonicMs;
/** Brands a length of time. @throws {RangeError} unless finite. */
export const durationMs = (value: number): DurationMs => finite(value, 'a duration') as DurationMs;
/** Brands a number of bytes. @throws {RangeError} unless a non-negative integer. */
export const bytes = (value: number): Bytes => natural(value, 'bytes') as Bytes;
/** Brands a number of units. @throws {RangeError} unless a non-negative integer. */
export const sizeUnits = (value: number): SizeUnits => natural(value, 'units') as SizeUnits;
/** Brands a registry revision. @throws {RangeError} unless a non-negative integer. */
export const revision = (value: number): Revision => natural(value, 'a revision') as Revision;

/** The smallest number of units that holds `byteCount`. @throws {RangeError} if negative or not an integer. */
export const unitsForBytes = (byteCount: number): SizeUnits => Math.ceil(natural(byteCount, 'bytes') / UNIT_BYTES) as SizeUnits;
/** The bytes that `units` stand for. */
export const bytesForUnits = (units: SizeUnits): Bytes => (units * UNIT_BYTES) as Bytes;
