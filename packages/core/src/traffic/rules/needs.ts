import type { Types } from './check.ts';
import { isMacro } from './check.ts';
import { type Field, fieldOf, keyOf, type Read, type Value } from './field.ts';
import { literalsOf } from './own-test.ts';
import { type Expression, partsOf } from './syntax.ts';

/** A field must have one of these values, or the condition is not true. */
export interface Need {
  readonly field: Field;
  readonly values: ReadonlySet<Value>;
}

/** What must be so for `node` to be true, as far as a look into a table can tell. */
export function needsOf(node: Expression, types: Types): readonly Need[] {
  if (node.kind === 'logical') {
    const [left, right] = [needsOf(node.left, types), needsOf(node.right, types)];
    return node.operator === '&&' ? [...left, ...right] : eitherOf(left, right);
  }
  if (node.kind !== 'binary') return [];
  if (node.operator === '==') return needOf(node.left, [node.right], types) ?? needOf(node.right, [node.left], types) ?? [];
  if (node.operator !== 'in' || node.right.kind !== 'list') return [];
  return needOf(node.left, node.right.elements, types) ?? [];
}

/** One of two conditions is true: a field that both are about has a value of one or the other. */
function eitherOf(left: readonly Need[], right: readonly Need[]): readonly Need[] {
  return left.flatMap(({ field, values }) => {
    const other = right.find((need) => need.field.id === field.id);
    return other === undefined ? [] : [{ field, values: values.union(other.values) }];
  });
}

function needOf(node: Expression, elements: readonly Expression[], types: Types): readonly Need[] | undefined {
  const field = fieldOf(node, types.get(node));
  const values = literalsOf({ kind: 'list', elements, at: node.at, end: node.end });
  return field === undefined || values === undefined ? undefined : [{ field, values: new Set(values) }];
}

/**
 * Reads of fields without which `node` has no value whatever else the call holds. A CEL engine throws where a key is absent, which costs
 * many times the evaluation; so these are looked at before it is asked.
 */
export function requiredReads(node: Expression, types: Types): readonly Read[] {
  const reads = new Map<string, Read>();
  const visit = (part: Expression): void => {
    if (part.kind === 'logical' || (part.kind === 'call' && part.name === 'has')) return;
    if (part.kind === 'conditional') {
      visit(part.test);
      return;
    }
    if (part.kind === 'call' && isMacro(part)) {
      if (part.target !== null) visit(part.target);
      return;
    }
    const field = keyOf(part) === undefined ? undefined : fieldOf(part, types.get(part));
    if (field !== undefined) reads.set(field.id, field.read);
    else for (const inner of partsOf(part)) visit(inner);
  };
  visit(node);
  return [...reads.values()];
}
