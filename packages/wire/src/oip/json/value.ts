import { LETTER_F, LETTER_N, LETTER_T, OPEN_ARRAY, OPEN_OBJECT, QUOTE, startsNumber } from './ascii.ts';
import { integerOf } from './decimal.ts';
import type { JsonLimits } from './limits.ts';
import { JsonReader } from './reader.ts';

/**
 * Any JSON value, nothing lost: an integer beyond 2^53 is a `bigint`, every other number a `number`; objects are maps, so that `__proto__` is
 * a key like any other.
 */
export type JsonValue = null | boolean | string | number | bigint | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** Reads a whole document. @throws {MeshError} as {@link JsonReader} does. */
export function parseJson(bytes: Uint8Array, limits?: JsonLimits): JsonValue {
  const reader = new JsonReader(bytes, limits);
  const value = readValue(reader);
  reader.finish();
  return value;
}

/** Reads the value that comes next. */
export function readValue(reader: JsonReader): JsonValue {
  const byte = reader.space();
  if (byte === OPEN_ARRAY) {
    const elements: JsonValue[] = [];
    reader.array('a value', () => elements.push(readValue(reader)));
    return elements;
  }
  if (byte === OPEN_OBJECT) {
    const members = new Map<string, JsonValue>();
    reader.object('a value', (key) => members.set(key, readValue(reader)));
    return members;
  }
  if (byte === QUOTE) return reader.text('a value');
  if (byte === LETTER_T) return reader.word('true', true);
  if (byte === LETTER_F) return reader.word('false', false);
  if (byte === LETTER_N) return reader.word('null', null);
  if (startsNumber(byte)) return readNumber(reader);
  return reader.unexpected('a value');
}

function readNumber(reader: JsonReader): number | bigint {
  const token = reader.numberToken();
  const value = Number(token);
  if (!/^-?\d+$/.test(token) || Number.isSafeInteger(value)) return value;
  return token.length <= 20 ? (integerOf(token) ?? value) : BigInt(token);
}
