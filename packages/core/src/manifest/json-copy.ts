/** Values within one plain object of a manifest: what refers to itself, or to one part many times over, is cut off here. */
export const JSON_VALUES_MAX = 1000;

/** How deep such objects and lists may stand in one another. */
export const JSON_DEPTH_MAX = 16;

/** A copy of plain JSON, which nobody else holds; `undefined` if `value` is none, or above {@link JSON_VALUES_MAX} or {@link JSON_DEPTH_MAX}. */
export function jsonCopy(value: unknown): unknown {
  const budget = { values: JSON_VALUES_MAX };
  const copy = copyOf(value, JSON_DEPTH_MAX, budget);
  return copy === NOT_JSON ? undefined : copy;
}

const NOT_JSON = Symbol('not JSON');

function copyOf(value: unknown, depthLeft: number, budget: { values: number }): unknown {
  budget.values--;
  if (budget.values < 0 || depthLeft < 0) return NOT_JSON;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value + 0 : NOT_JSON;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? listCopy(value, depthLeft, budget) : objectCopy(value, depthLeft, budget);
    default:
      return NOT_JSON;
  }
}

function listCopy(list: readonly unknown[], depthLeft: number, budget: { values: number }): unknown {
  if (list.length > budget.values) return NOT_JSON;
  const copies: unknown[] = [];
  for (const item of list) {
    const copy = copyOf(item, depthLeft - 1, budget);
    if (copy === NOT_JSON) return NOT_JSON;
    copies.push(copy);
  }
  return copies;
}

function objectCopy(object: object, depthLeft: number, budget: { values: number }): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return NOT_JSON;
  const copies: [string, unknown][] = [];
  for (const [name, item] of Object.entries(object)) {
    const copy = copyOf(item, depthLeft - 1, budget);
    if (copy === NOT_JSON) return NOT_JSON;
    copies.push([name, copy]);
  }
  // Unlike assignments this makes a property of `__proto__` too.
  return Object.fromEntries(copies);
}
