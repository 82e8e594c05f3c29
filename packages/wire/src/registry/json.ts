import { MeshError } from '@modelmesh/core';

/** A number kept as the digits that stood in the text, because a JavaScript number would not give them back. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** ECMAScript's *JSON.parse source text access*, which the library's types do not know yet. */
interface SourceTextJson {
  parse(text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const json = JSON as unknown as SourceTextJson;

/**
 * Only texts with such a sequence can hold a number that must be kept as text; all others take the fast parser. A number stands at the beginning or
 * behind a colon, a comma or a bracket: without these, most names and paths would be taken for one.
 */
const MAY_HOLD_RAW_NUMBER = /(?:^|[:,[])\s*(?:-0|-?[0-9]{16}|-?[0-9]{1,15}[.eE])/;

const keepSource = (_name: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value;

/**
 * Parses JSON so that {@link losslessStringify} gives every number back digit by digit.
 *
 * @throws {SyntaxError} if it is not JSON.
 */
export function losslessParse(text: string): unknown {
  return MAY_HOLD_RAW_NUMBER.test(text) ? json.parse(text, keepSource) : JSON.parse(text);
}

/** Writes JSON without spaces, {@link RawNumber}s as they were. */
export const losslessStringify = (value: unknown): string => JSON.stringify(value);

/** Whether a value is a number that was kept as text. */
export const isRawNumber = (value: unknown): value is RawNumber => json.isRawJSON(value);

/** Java's largest long as a JavaScript number, 2^63, which no long can be. */
export const LONG_MAX = 2 ** 63;
const LONG_MAX_TEXT = '9223372036854775807';

/** A whole number as a Java long: what reaches {@link LONG_MAX} is written as the largest one, exactly. */
export const longOf = (value: number): number | RawNumber =>
  value >= LONG_MAX ? json.rawJSON(LONG_MAX_TEXT) : Math.trunc(value);

/** The refusal of a stored record that cannot be understood; the text names no value, which may be a secret. */
export function malformedRecord(where: string, expected: string, cause?: unknown): MeshError {
  return new MeshError('internal', `registry record ${where} is malformed: ${expected}`, { cause });
}
