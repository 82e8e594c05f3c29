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
  const entries = properties.filter(([, value]) => value !== undefined).map(([name, value]): [string, unknown] => [name, value]);
  const written = new Set(entries.map(([name]) => name));
  for (const [name, value] of rest) {
    if (written.has(name)) continue;
    if (!(value instanceof Map)) entries.push([name, value]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** A map as a JSON object; `undefined` if it is empty. */
export function mapOf<Value>(
  map: ReadonlyMap<string, Value>,
  write: (value: Value, name: string) => unknown,
): object | undefined {
  return objectOf(
    [...map].map(([name, value]) => [name, write(value, name)]),
    NONE,
  );
}

/** The value, or `undefined` if it is the default, which is never written. */
export const unless = <Value>(value: Value, absent: Value): Value | undefined => (value === absent ? undefined : value);
