import { MeshError } from '@modelmesh/core';
import { integerOf, type JsonReader, type JsonWriter, QUOTE, startsBoolean, startsNumber } from './json/index.ts';

/**
 * Value of a parameter; the JavaScript type is the member of the protocol's oneof: `boolean` bool_param, `bigint` int64_param (uint64_param above
 * 2^63−1), `number` double_param, `string` string_param, `null` none set. `1` and `1.0` in JSON are therefore different values.
 */
export type ParameterValue = boolean | bigint | number | string | null;

/** Parameters of a request, response or tensor, in the order in which they were given. */
export type Parameters = ReadonlyMap<string, ParameterValue>;

/** The most parameters that one request, response or tensor may have. */
export const PARAMETERS_MAX = 1024;

/** Shared by everything without parameters. */
export const NO_PARAMETERS: Parameters = new Map();

const INT64_MIN = -(1n << 63n);
const UINT64_MAX = (1n << 64n) - 1n;

/** Reads an object of string, number, boolean or null members. `owner` names it in errors, for instance `input "x"`. */
export function readParameters(reader: JsonReader, owner: string): Map<string, ParameterValue> {
  const parameters = new Map<string, ParameterValue>();
  if (reader.nullHere()) return parameters;
  reader.object(`${owner}: parameters`, (key) => {
    parameters.set(key, readParameterValue(reader, `${owner}: parameter ${JSON.stringify(key)}`));
    if (parameters.size > PARAMETERS_MAX) {
      throw new MeshError('invalid-argument', `${owner}: more than ${PARAMETERS_MAX} parameters`);
    }
  });
  return parameters;
}

/** Reads one parameter; an integer token stays an integer, anything with a point or exponent is a double. */
export function readParameterValue(reader: JsonReader, label: string): ParameterValue {
  const byte = reader.space();
  if (byte === QUOTE) return reader.text(label);
  if (startsNumber(byte)) return parameterNumber(reader.numberToken(), label);
  if (reader.nullHere()) return null;
  if (startsBoolean(byte)) return reader.boolean(label);
  return reader.unexpected(`${label} as a string, number or boolean`);
}

function parameterNumber(token: string, label: string): bigint | number {
  if (/[.eE]/.test(token)) {
    const double = Number(token);
    if (Number.isFinite(double)) return double;
    throw new MeshError('invalid-argument', `${label}: ${token.slice(0, 40)} is beyond the range of a double`);
  }
  const value = integerOf(token);
  if (value === undefined || value < INT64_MIN || value > UINT64_MAX) {
    throw new MeshError('invalid-argument', `${label}: ${token.slice(0, 40)} does not fit in 64 bits`);
  }
  return value;
}

/** Writes parameters as a JSON object. A double without fraction keeps its point (`1.0`), so that its kind survives. */
export function writeParameters(writer: JsonWriter, parameters: Parameters): void {
  writer.raw('{');
  let first = true;
  for (const [key, value] of parameters) {
    if (!first) writer.raw(',');
    first = false;
    writer.string(key);
    writer.raw(':');
    writeParameterValue(writer, value);
  }
  writer.raw('}');
}

/** Writes one parameter; NaN and infinities as the strings that tensors use. */
export function writeParameterValue(writer: JsonWriter, value: ParameterValue): void {
  if (typeof value === 'string') writer.string(value);
  else if (typeof value === 'number') writer.raw(doubleText(value));
  else writer.raw(String(value));
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) return JSON.stringify(String(value));
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
