import type { PayloadField, PayloadType } from '../../records/index.ts';

/** Type of an expression. `texts` is a map from text to text; `payload` has a field for each that the policy declares. */
export type ValueType =
  | { readonly kind: 'string' | 'int' | 'double' | 'bool' | 'timestamp' | 'texts' | 'payload' }
  /** `of` is `null` for the empty list. */
  | { readonly kind: 'list'; readonly of: ValueType | null };

export const STRING: ValueType = { kind: 'string' };
export const INT: ValueType = { kind: 'int' };
export const DOUBLE: ValueType = { kind: 'double' };
export const BOOL: ValueType = { kind: 'bool' };
export const TIMESTAMP: ValueType = { kind: 'timestamp' };
const TEXTS: ValueType = { kind: 'texts' };
const PAYLOAD: ValueType = { kind: 'payload' };

/** What an expression may name, beside the variables of its own loops. */
export const VARIABLES: Readonly<Record<string, ValueType>> = {
  header: TEXTS,
  query: TEXTS,
  path: STRING,
  method: STRING,
  tenant: STRING,
  client: STRING,
  time: TIMESTAMP,
  payload: PAYLOAD,
};

const PAYLOAD_TYPES: Readonly<Record<PayloadType, ValueType>> = { string: STRING, int: INT, double: DOUBLE, bool: BOOL };

/** Types of the declared payload fields by name. */
export const payloadTypes = (fields: readonly PayloadField[]): ReadonlyMap<string, ValueType> =>
  new Map(fields.map(({ name, type }) => [name, PAYLOAD_TYPES[type]]));

/** The type as CEL writes it. */
export function typeText(type: ValueType): string {
  if (type.kind === 'list') return `list(${type.of === null ? 'nothing' : typeText(type.of)})`;
  if (type.kind === 'texts') return 'map(string, string)';
  return type.kind;
}

/** Whether values of both types may stand in one list. */
export function sameType(left: ValueType, right: ValueType): boolean {
  if (left.kind !== 'list' || right.kind !== 'list') return left.kind === right.kind;
  return left.of === null || right.of === null || sameType(left.of, right.of);
}

/** Whether `==` compares values of the type. */
export function isComparable(type: ValueType): boolean {
  if (type.kind === 'list') return type.of === null || isComparable(type.of);
  return type.kind !== 'texts' && type.kind !== 'payload';
}
