import type { RequestFacts } from '../request-facts.ts';
import type { Types } from './check.ts';
import { fieldOf, type Read, readOf, type Value } from './field.ts';
import type { Outcome } from './port.ts';
import type { Call, Expression, ExpressionOf } from './syntax.ts';
import type { ValueType } from './value-type.ts';

/** What a condition comes to for a call; a closure of ours allocates nothing. */
export type Test = (facts: RequestFacts) => Outcome;

const ABSENT = 'no-such-key';

/** A closure for a condition that holds no other one, or `undefined` where a CEL engine is needed. `!`, `&&` and `||` are the caller's. */
export function ownTest(node: Expression, types: Types): Test | undefined {
  const type = types.get(node);
  switch (node.kind) {
    case 'binary':
      return comparison(node, types);
    case 'call':
      return node.name === 'has' ? presence(node, types) : textTest(node, types);
    case 'literal':
    case 'select':
      return truth(readOf(node, type));
    default:
      return undefined;
  }
}

function truth(read: Read | undefined): Test | undefined {
  if (read === undefined) return undefined;
  return (facts) => {
    const value = read(facts);
    return typeof value === 'boolean' ? value : ABSENT;
  };
}

function presence({ args: [field] }: Call, types: Types): Test | undefined {
  const read = field === undefined ? undefined : fieldOf(field, types.get(field))?.read;
  return read === undefined ? undefined : (facts) => read(facts) !== undefined;
}

function textTest({ target, name, args: [argument] }: Call, types: Types): Test | undefined {
  if (target === null || argument === undefined) return undefined;
  const [read, part] = [readOf(target, types.get(target)), readOf(argument, types.get(argument))] as const;
  if (read === undefined || part === undefined) return undefined;
  switch (name) {
    case 'startsWith':
      return texts(read, part, (text, other) => text.startsWith(other));
    case 'endsWith':
      return texts(read, part, (text, other) => text.endsWith(other));
    case 'contains':
      return texts(read, part, (text, other) => text.includes(other));
    default:
      return undefined;
  }
}

function texts(read: Read, part: Read, test: (text: string, other: string) => boolean): Test {
  return (facts) => {
    const text = read(facts);
    const other = part(facts);
    return typeof text === 'string' && typeof other === 'string' ? test(text, other) : ABSENT;
  };
}

function comparison(node: ExpressionOf<'binary'>, types: Types): Test | undefined {
  const read = readOf(node.left, types.get(node.left));
  if (read === undefined) return undefined;
  if (node.operator === 'in') return membership(node, read);
  const other = readOf(node.right, types.get(node.right));
  if (other === undefined) return undefined;
  if (node.operator === '==' || node.operator === '!=') {
    return equality(read, other, types.get(node.left), node.operator === '==');
  }
  return ordering(node.operator, read, other);
}

/** Ints may be numbers or bigints, for which `===` means the representation; no double passes here, so no NaN either. */
const sameInt = (left: Value, right: Value): boolean => !(left < right) && !(left > right);

function equality(read: Read, other: Read, type: ValueType | undefined, wanted: boolean): Test {
  if (type?.kind === 'int') return pairTest(read, other, (left, right) => sameInt(left, right) === wanted);
  return pairTest(read, other, (left, right) => (left === right) === wanted);
}

function ordering(operator: string, read: Read, other: Read): Test | undefined {
  switch (operator) {
    case '<':
      return pairTest(read, other, (left, right) => left < right);
    case '<=':
      return pairTest(read, other, (left, right) => left <= right);
    case '>':
      return pairTest(read, other, (left, right) => left > right);
    case '>=':
      return pairTest(read, other, (left, right) => left >= right);
    default:
      return undefined;
  }
}

function pairTest(read: Read, other: Read, test: (left: Value, right: Value) => boolean): Test {
  return (facts) => {
    const left = read(facts);
    const right = other(facts);
    return left === undefined || right === undefined ? ABSENT : test(left, right);
  };
}

function membership({ right }: ExpressionOf<'binary'>, read: Read): Test | undefined {
  if (right.kind === 'name' && (right.name === 'header' || right.name === 'query')) return keyTest(right.name, read);
  const values = literalsOf(right);
  if (values === undefined) return undefined;
  const set = new Set(values);
  return (facts) => {
    const value = read(facts);
    return value === undefined ? ABSENT : set.has(value);
  };
}

function keyTest(map: 'header' | 'query', read: Read): Test {
  return (facts) => {
    const key = read(facts);
    return typeof key === 'string' ? facts[map](key) !== undefined : ABSENT;
  };
}

/** The values of a list of literals, in each representation that a read may give them in; `undefined` for other lists. */
export function literalsOf(list: Expression): readonly Value[] | undefined {
  if (list.kind !== 'list') return undefined;
  const values: Value[] = [];
  for (const element of list.elements) {
    if (element.kind !== 'literal') return undefined;
    values.push(element.value);
    if (typeof element.value === 'bigint' && Number.isSafeInteger(Number(element.value))) values.push(Number(element.value));
  }
  return values;
}
