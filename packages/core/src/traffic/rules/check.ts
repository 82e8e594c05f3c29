import type { PayloadField } from '../../records/index.ts';
import { ExpressionFault } from './fault.ts';
import { accepts, signaturesOf } from './functions.ts';
import { type Call, type Expression, type ExpressionOf, MACROS } from './syntax.ts';
import { readInstantMs } from './time-field.ts';
import {
  BOOL,
  DOUBLE,
  INT,
  isComparable,
  payloadTypes,
  STRING,
  sameType,
  typeText,
  VARIABLES,
  type ValueType,
} from './value-type.ts';

/** Variables of the loops around an expression. */
type Scope = ReadonlyMap<string, ValueType>;

const NO_LOOPS: Scope = new Map();

/** Types of every part of an expression. */
export type Types = ReadonlyMap<Expression, ValueType>;

/** Finds the type of every part of `expression`. @throws {ExpressionFault} with the position of the first part that has none */
export function typesOf(expression: Expression, payload: readonly PayloadField[]): Types {
  const checker = new Checker(payloadTypes(payload));
  checker.type(expression, NO_LOOPS);
  return checker.types;
}

class Checker {
  readonly types = new Map<Expression, ValueType>();
  readonly #payload: ReadonlyMap<string, ValueType>;

  constructor(payload: ReadonlyMap<string, ValueType>) {
    this.#payload = payload;
  }

  type(node: Expression, scope: Scope): ValueType {
    const type = this.#typeOf(node, scope);
    this.types.set(node, type);
    return type;
  }

  #typeOf(node: Expression, scope: Scope): ValueType {
    switch (node.kind) {
      case 'literal':
        return literalType(node.value);
      case 'name':
        return this.#name(node, scope);
      case 'select':
        return this.#select(node, scope);
      case 'index':
        return this.#index(node, scope);
      case 'unary':
        return this.#unary(node, scope);
      case 'logical':
        this.#expect(node.left, scope, BOOL);
        return this.#expect(node.right, scope, BOOL);
      case 'binary':
        return this.#binary(node, scope);
      case 'conditional':
        return this.#conditional(node, scope);
      case 'list':
        return this.#list(node, scope);
      case 'call':
        return isMacro(node) ? this.#macro(node, scope) : this.#call(node, scope);
    }
  }

  #expect(node: Expression, scope: Scope, wanted: ValueType): ValueType {
    const type = this.type(node, scope);
    if (!sameType(type, wanted)) throw new ExpressionFault(`expected ${typeText(wanted)}, found ${typeText(type)}`, node.at);
    return type;
  }

  #name({ name, at }: ExpressionOf<'name'>, scope: Scope): ValueType {
    const type = scope.get(name) ?? (Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined);
    if (type !== undefined) return type;
    throw new ExpressionFault(`unknown variable ${name}; there are ${Object.keys(VARIABLES).join(', ')}`, at);
  }

  #select({ object, field, fieldAt }: ExpressionOf<'select'>, scope: Scope): ValueType {
    const type = this.type(object, scope);
    if (type.kind === 'texts') {
      checkHeaderName(object, field, fieldAt);
      return STRING;
    }
    if (type.kind !== 'payload') throw new ExpressionFault(`${typeText(type)} has no fields`, fieldAt);
    const declared = this.#payload.get(field);
    if (declared === undefined) throw new ExpressionFault(`the payload field ${field} is not declared`, fieldAt);
    return declared;
  }

  #index({ object, key }: ExpressionOf<'index'>, scope: Scope): ValueType {
    const type = this.type(object, scope);
    if (type.kind === 'list') {
      this.#expect(key, scope, INT);
      if (type.of === null) throw new ExpressionFault('the list is empty', object.at);
      return type.of;
    }
    if (type.kind !== 'texts') throw new ExpressionFault(`${typeText(type)} has no elements`, key.at);
    this.#expect(key, scope, STRING);
    if (key.kind === 'literal') checkHeaderName(object, String(key.value), key.at);
    return STRING;
  }

  #unary({ operator, operand }: ExpressionOf<'unary'>, scope: Scope): ValueType {
    if (operator === '!') return this.#expect(operand, scope, BOOL);
    const type = this.type(operand, scope);
    if (type.kind === 'double') return type;
    const advice = type.kind === 'int' ? '; write 0 - …' : '';
    throw new ExpressionFault(`there is no - for ${typeText(type)}${advice}`, operand.at);
  }

  #binary(node: ExpressionOf<'binary'>, scope: Scope): ValueType {
    const left = this.type(node.left, scope);
    const right = this.type(node.right, scope);
    const result = binaryType(node, left, right);
    if (result !== undefined) return result;
    throw new ExpressionFault(
      `there is no ${node.operator} for ${typeText(left)} and ${typeText(right)}${binaryAdvice(left, right)}`,
      node.operatorAt,
    );
  }

  #conditional({ test, yes, no }: ExpressionOf<'conditional'>, scope: Scope): ValueType {
    this.#expect(test, scope, BOOL);
    const type = this.type(yes, scope);
    const other = this.#expect(no, scope, type);
    return type.kind === 'list' && type.of === null ? other : type;
  }

  #list({ elements }: ExpressionOf<'list'>, scope: Scope): ValueType {
    const [first, ...rest] = elements;
    if (first === undefined) return { kind: 'list', of: null };
    const of = this.type(first, scope);
    for (const element of rest) this.#expect(element, scope, of);
    return { kind: 'list', of };
  }

  #call(node: Call, scope: Scope): ValueType {
    const target = node.target === null ? null : this.type(node.target, scope);
    const args = node.args.map((argument) => this.type(argument, scope));
    const signatures = signaturesOf(node.name).filter((one) => one.target === (target?.kind ?? null));
    const owner = target === null ? '' : `${typeText(target)}.`;
    if (signatures.length === 0) throw new ExpressionFault(`there is no function ${owner}${node.name}`, node.nameAt);
    const signature = signatures.find(
      ({ parameters }) =>
        parameters.length === args.length && node.args.every((argument, i) => argumentFits(parameters[i], argument, args[i])),
    );
    if (signature === undefined) {
      const ways = signatures.map(({ parameters }) => `${node.name}(${parameters.join(', ')})`).join(' or ');
      throw new ExpressionFault(`${owner}${ways} cannot take (${args.map(typeText).join(', ')})`, node.nameAt);
    }
    checkInstant(node);
    return signature.result;
  }

  #macro(node: Call, scope: Scope): ValueType {
    const { target, name, args } = node;
    if (name === 'has') {
      const [field] = args;
      if (target !== null || args.length !== 1 || field?.kind !== 'select') {
        throw new ExpressionFault('has() takes a field, for instance has(header.name) or has(payload.name)', node.nameAt);
      }
      this.type(field, scope);
      return BOOL;
    }
    if (target === null) throw new ExpressionFault(`there is no function ${name}`, node.nameAt);
    const inner = this.#loop(node, target, scope);
    const [, first, second] = args;
    if (first === undefined || (second !== undefined && name !== 'map') || args.length > 3) {
      throw new ExpressionFault(`${name}() takes a variable and an expression`, node.nameAt);
    }
    if (name === 'map') {
      if (second !== undefined) this.#expect(first, inner, BOOL);
      return { kind: 'list', of: this.type(second ?? first, inner) };
    }
    this.#expect(first, inner, BOOL);
    return name === 'filter' ? { kind: 'list', of: this.#elementOf(target) } : BOOL;
  }

  /** The scope within a loop over `range`. */
  #loop({ name, nameAt, args: [variable] }: Call, range: Expression, scope: Scope): Scope {
    this.type(range, scope);
    if (variable?.kind !== 'name') throw new ExpressionFault(`${name}() takes a variable first`, variable?.at ?? nameAt);
    if (Object.hasOwn(VARIABLES, variable.name)) {
      throw new ExpressionFault(`${variable.name} has a meaning already`, variable.at);
    }
    return new Map([...scope, [variable.name, this.#elementOf(range)]]);
  }

  #elementOf(range: Expression): ValueType {
    const type = this.types.get(range);
    if (type?.kind === 'texts') return STRING;
    if (type?.kind === 'list' && type.of !== null) return type.of;
    throw new ExpressionFault(`${type === undefined ? 'this' : typeText(type)} has no elements to go through`, range.at);
  }
}

/** Whether the call is a macro, whose arguments are no values. */
export const isMacro = ({ name }: Call): boolean => (MACROS as readonly string[]).includes(name);

function literalType(value: string | number | bigint | boolean): ValueType {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'bigint') return INT;
  return typeof value === 'number' ? DOUBLE : BOOL;
}

function argumentFits(
  parameter: Parameters<typeof accepts>[0] | undefined,
  argument: Expression,
  type: ValueType | undefined,
): boolean {
  return parameter !== undefined && type !== undefined && accepts(parameter, argument, type);
}

const isNumber = (type: ValueType): boolean => type.kind === 'int' || type.kind === 'double';

function binaryType(node: ExpressionOf<'binary'>, left: ValueType, right: ValueType): ValueType | undefined {
  const same = sameType(left, right);
  switch (node.operator) {
    case '==':
    case '!=':
      return same && isComparable(left) ? BOOL : undefined;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (same && (left.kind === 'string' || left.kind === 'timestamp')) || (isNumber(left) && isNumber(right))
        ? BOOL
        : undefined;
    case 'in':
      return membershipType(node, left, right);
    case '+':
      if (!same) return undefined;
      if (left.kind === 'list') return left.of === null ? right : left;
      return left.kind === 'string' || isNumber(left) ? left : undefined;
    case '-':
    case '*':
      return same && isNumber(left) ? left : undefined;
    case '/':
    case '%':
      return divisionType(node, left, right);
  }
}

function membershipType(node: ExpressionOf<'binary'>, left: ValueType, right: ValueType): ValueType | undefined {
  if (right.kind === 'texts') {
    if (node.left.kind === 'literal') checkHeaderName(node.right, String(node.left.value), node.left.at);
    return left.kind === 'string' ? BOOL : undefined;
  }
  if (right.kind !== 'list') return undefined;
  return right.of === null || (sameType(left, right.of) && isComparable(left)) ? BOOL : undefined;
}

/** Integers are divided by literals alone: by 0 and -1 a division can fail, and implementations differ in how. */
function divisionType(
  { operator, right: divisor }: ExpressionOf<'binary'>,
  left: ValueType,
  right: ValueType,
): ValueType | undefined {
  if (left.kind === 'double' && right.kind === 'double' && operator === '/') return DOUBLE;
  if (left.kind !== 'int' || right.kind !== 'int') return undefined;
  const safe = divisor.kind === 'literal' && typeof divisor.value === 'bigint' && divisor.value !== 0n && divisor.value !== -1n;
  if (!safe) throw new ExpressionFault('integers are divided by a literal other than 0 and -1', divisor.at);
  return INT;
}

const binaryAdvice = (left: ValueType, right: ValueType): string =>
  isNumber(left) && isNumber(right) && left.kind !== right.kind ? '; write 1.0 for a double, double(…) converts an int' : '';

/** A name in capitals would never be found, and the rule would silently never match. */
function checkHeaderName(object: Expression, name: string, at: number): void {
  if (object.kind === 'name' && object.name === 'header' && name !== name.toLowerCase()) {
    throw new ExpressionFault(`names of headers are in lower case here: ${name.toLowerCase()}`, at);
  }
}

function checkInstant({ name, args: [argument] }: Call): void {
  if (name !== 'timestamp' || argument?.kind !== 'literal') return;
  if (readInstantMs(String(argument.value)) === undefined) {
    throw new ExpressionFault('a timestamp is written like 2026-01-31T08:00:00Z, at most to the millisecond', argument.at);
  }
}
