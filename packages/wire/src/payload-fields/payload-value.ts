import { Buffer, isUtf8 } from 'node:buffer';
import type { PayloadType } from '@modelmesh/core/records';
import type { PayloadValue } from '@modelmesh/core/traffic';
import { integerOf } from '../oip/index.ts';

const INT64_MAX = (1n << 63n) - 1n;
const INT64_MIN = -(1n << 63n);

/**
 * The value as the declared type; `undefined` where it is of another one. Nothing is rounded: an integer is an `int` if 64 bits hold it and a
 * `double` if a double is equal to it, and a double is no `int`.
 */
export function typedValue(value: PayloadValue, type: PayloadType): PayloadValue | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'int':
      return typeof value === 'bigint' && value <= INT64_MAX && value >= INT64_MIN ? value : undefined;
    case 'double':
      if (typeof value === 'number') return value;
      return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : undefined;
  }
}

/** Text of UTF-8; `undefined` if it is none. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The value of a number, `true`, `false` or `null` as JSON writes it, as the declared type; `undefined` where it is of another one or no JSON. */
export function jsonScalar(bytes: Uint8Array, type: PayloadType): PayloadValue | undefined {
  const token = textOf(bytes);
  if (token === undefined) return undefined;
  if (token === 'true' || token === 'false') return typedValue(token === 'true', type);
  if (!NUMBER.test(token)) return undefined;
  if (type === 'int') {
    const integer = integerOf(token);
    return integer === undefined ? undefined : typedValue(integer, type);
  }
  const double = Number(token);
  return type === 'double' && Number.isFinite(double) ? double : undefined;
}

/** The text of a JSON string that has escapes, given without its quotes; `undefined` if it is none, or holds half of a surrogate pair. */
export function unescapedText(content: Uint8Array): string | undefined {
  const written = textOf(content);
  if (written === undefined) return undefined;
  try {
    const text: unknown = JSON.parse(`"${written}"`);
    return typeof text === 'string' && text.isWellFormed() ? text : undefined;
  } catch {
    return undefined;
  }
}
