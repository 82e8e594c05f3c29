import type { Expression } from './syntax.ts';
import { TIME_FIELDS } from './time-field.ts';
import { BOOL, DOUBLE, INT, STRING, TIMESTAMP, type ValueType } from './value-type.ts';

/** What an argument must be: its type, or a literal that is understood when the rule is applied. */
export type Parameter = ValueType['kind'] | 'literal';

/** One way to call a function. */
export interface Signature {
  /** Type of what a method is called on; `null`: a function. */
  readonly target: ValueType['kind'] | null;
  readonly parameters: readonly Parameter[];
  readonly result: ValueType;
}

const method = (target: ValueType['kind'], result: ValueType, ...parameters: Parameter[]): Signature => ({
  target,
  parameters,
  result,
});
const plain = (result: ValueType, ...parameters: Parameter[]): Signature => ({ target: null, parameters, result });

const TEST_OF_TEXT = [method('string', BOOL, 'string')];
const TIME_METHODS = Object.fromEntries(Object.keys(TIME_FIELDS).map((name) => [name, [method('timestamp', INT)]]));

/**
 * Functions of CEL that expressions may use, those alone on which implementations agree. `matches` takes a literal pattern, so that it is
 * compiled once; `timestamp` a literal, so that it is read once.
 */
const FUNCTIONS: Readonly<Record<string, readonly Signature[]>> = {
  startsWith: TEST_OF_TEXT,
  endsWith: TEST_OF_TEXT,
  contains: TEST_OF_TEXT,
  matches: [method('string', BOOL, 'literal')],
  size: ['string', 'list', 'texts'].flatMap((kind) => [
    plain(INT, kind as ValueType['kind']),
    method(kind as ValueType['kind'], INT),
  ]),
  string: [plain(STRING, 'string'), plain(STRING, 'int'), plain(STRING, 'bool')],
  int: [plain(INT, 'int'), plain(INT, 'string')],
  double: [plain(DOUBLE, 'double'), plain(DOUBLE, 'int'), plain(DOUBLE, 'string')],
  timestamp: [plain(TIMESTAMP, 'literal')],
  ...TIME_METHODS,
};

/** Ways to call `name`; none if there is no such function. */
export const signaturesOf = (name: string): readonly Signature[] =>
  Object.hasOwn(FUNCTIONS, name) ? (FUNCTIONS[name] ?? []) : [];

/** Whether an argument is what a parameter asks for. */
export function accepts(parameter: Parameter, argument: Expression, type: ValueType): boolean {
  if (parameter === 'literal') return argument.kind === 'literal' && typeof argument.value === 'string';
  return type.kind === parameter;
}
