import { hashOctets } from './octets.ts';
import { STATIC_ENTRIES } from './static-entries.ts';
import { stringLiteral } from './string-literal.ts';

/**
 * What an encoder puts into its table of the fields of one name: `value` a field once its value has come twice, `value-at-once` the first one
 * too, and `name` one alone, for its name: values that are new each time would only push others out.
 */
export type Indexing = 'value' | 'value-at-once' | 'name';

/** The name of header fields, made once for all fields of a table or connection that have it. */
export class FieldName {
  readonly text: string;
  /** The first entry of the static table with this name, 0 without one. */
  readonly staticIndex: number;
  /** The other values that the static table has for it, with their indices. */
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  /** Whether values of this name are secrets, which no table may hold (RFC 7541 §7.1.3). */
  readonly isSensitive: boolean;
  /** Whether it breaks the rules for names (RFC 9113 §8.2.1). */
  readonly isMalformed: boolean;
  readonly indexing: Indexing;

  #literal: Buffer | undefined = undefined;
  #hash = -1;

  /** Use {@link fieldName}. */
  constructor(text: string, staticIndex: number, staticValues: ReadonlyMap<string, number> | undefined) {
    this.text = text;
    this.staticIndex = staticIndex;
    this.staticValues = staticValues;
    this.isSensitive = /(?:authorization|cookie)$/.test(text);
    this.isMalformed = !/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(text);
    this.indexing = INDEXING.get(text) ?? 'value';
  }

  /** The name as a string literal of a header block. Made when first asked for, as the hash is: most names are met again. */
  get literal(): Buffer {
    this.#literal ??= stringLiteral(this.text);
    return this.#literal;
  }

  get hash(): number {
    if (this.#hash < 0) this.#hash = hashOctets(this.literal, 0, this.literal.length);
    return this.#hash;
  }

  /** Whether both are the same name, though perhaps made twice. */
  equals(other: FieldName): boolean {
    return this === other || (this.hash === other.hash && this.text === other.text);
  }
}

/** Names whose values hardly change, and names whose values hardly ever come again. Any other value is judged by what has been seen. */
const INDEXING: ReadonlyMap<string, Indexing> = new Map([
  ...[':authority', ':scheme', 'content-type', 'te', 'user-agent', 'server', 'accept', 'accept-encoding'].map(atOnce),
  ...['grpc-encoding', 'grpc-accept-encoding', 'grpc-status'].map(atOnce),
  ...['traceparent', 'x-request-id', 'x-b3-traceid', 'x-b3-spanid', 'grpc-timeout', 'date', 'etag'].map(onlyName),
]);

function atOnce(name: string): [string, Indexing] {
  return [name, 'value-at-once'];
}

function onlyName(name: string): [string, Indexing] {
  return [name, 'name'];
}

const KNOWN: ReadonlyMap<string, FieldName> = knownNames();

/** The one of this text where it is known, else a new one. @throws {RangeError} where a character is above U+00FF */
export function fieldName(text: string): FieldName {
  return KNOWN.get(text) ?? new FieldName(text, 0, undefined);
}

function knownNames(): ReadonlyMap<string, FieldName> {
  const known = new Map<string, FieldName>();
  for (const [index, [name]] of STATIC_ENTRIES.entries()) {
    if (known.has(name)) continue;
    const values = STATIC_ENTRIES.flatMap(([same, value], at) => (same === name ? [[value, at + 1] as const] : []));
    known.set(name, new FieldName(name, index + 1, new Map(values)));
  }
  for (const name of INDEXING.keys()) if (!known.has(name)) known.set(name, new FieldName(name, 0, undefined));
  return known;
}
