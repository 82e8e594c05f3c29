import type { OpaqueFields } from '@modelmesh/core/records';

/** A known property and its value; `undefined` leaves it out. */
export type Property = readonly [name: string, value: unknown];

const NONE: OpaqueFields = new Map();

/** What an `ObjectReader` left of the known nested object `name`. */
export function restOf(rest: OpaqueFields, name: string): OpaqueFields {
  const nested = rest.get(name);
  return nested instanceof Map ? nested : NONE;
}

/**
 * The JSON object of known properties in the given order and then of the unknown ones; `undefined` if it would be empty. What is left of
 * nested objects is written with them, by whoever writes them.
 */
export function objectOf(properties: readonly Property[], rest: OpaqueFields): object | undefined {
  const writer = new ObjectWriter(rest);
  for (const [name, value] of properties) writer.put(name, value);
  return writer.object();
}

/** Puts a JSON object together, property by property, as {@link objectOf} does. */
export class ObjectWriter {
  readonly #rest: OpaqueFields;
  #object: Record<string, unknown> | undefined;

  constructor(rest: OpaqueFields = NONE) {
    this.#rest = rest;
  }

  /** Adds a known property; `undefined` leaves it out. */
  put(name: string, value: unknown): void {
    if (value === undefined) return;
    this.#object ??= {};
    // An assignment to this one would change the prototype.
    if (name === '__proto__') Object.defineProperty(this.#object, name, { value, enumerable: true });
    else this.#object[name] = value;
  }

  /** The object with the unknown properties behind the known ones; `undefined` if it is empty. */
  object(): object | undefined {
    for (const [name, value] of this.#rest) {
      const isWritten = this.#object !== undefined && Object.hasOwn(this.#object, name);
      if (!isWritten && !(value instanceof Map)) this.put(name, value);
    }
    return this.#object;
  }
}

/** A map as a JSON object; `undefined` if it is empty. */
export function mapOf<Value>(
  map: ReadonlyMap<string, Value>,
  write: (value: Value, name: string) => unknown,
): object | undefined {
  if (map.size === 0) return undefined;
  const writer = new ObjectWriter();
  for (const [name, value] of map) writer.put(name, write(value, name));
  return writer.object();
}

/** The value, or `undefined` if it is the default, which is never written. */
export const unless = <Value>(value: Value, absent: Value): Value | undefined => (value === absent ? undefined : value);
