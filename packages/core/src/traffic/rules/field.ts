import type { RequestFacts } from '../request-facts.ts';
import type { Expression } from './syntax.ts';
import { isTimeField, readInstantMs, TIME_FIELDS } from './time-field.ts';
import type { ValueType } from './value-type.ts';

/** A value of CEL: an int is a `bigint` or a whole `number`, a double a `number`, a timestamp milliseconds since 1970. */
export type Value = string | number | bigint | boolean;

/** Reads a value of a call; `undefined` where it is not there. */
export type Read = (facts: RequestFacts) => Value | undefined;

/** A part of a call that expressions name directly. Two of the same `id` read the same. */
export interface Field {
  readonly id: string;
  readonly read: Read;
}

const VARIABLE_READS: Readonly<Record<string, Read>> = {
  path: (facts) => facts.path,
  method: (facts) => facts.method,
  tenant: (facts) => facts.tenant,
  client: (facts) => facts.client,
};

/** How JavaScript has the types of payload fields. */
const TYPEOF: Readonly<Record<string, string>> = { string: 'string', int: 'bigint', double: 'number', bool: 'boolean' };

/** The map and the key of `map["key"]` and `map.key`; `undefined` for all else. */
export function keyOf(node: Expression): { readonly map: 'header' | 'query' | 'payload'; readonly key: string } | undefined {
  if ((node.kind !== 'select' && node.kind !== 'index') || node.object.kind !== 'name') return undefined;
  const map = node.object.name;
  if (map !== 'header' && map !== 'query' && map !== 'payload') return undefined;
  if (node.kind === 'select') return { map, key: node.field };
  return node.key.kind === 'literal' && typeof node.key.value === 'string' ? { map, key: node.key.value } : undefined;
}

/** The part of a call that `node` names, if it is nothing but that. */
export function fieldOf(node: Expression, type: ValueType | undefined): Field | undefined {
  if (node.kind === 'name') {
    const read = Object.hasOwn(VARIABLE_READS, node.name) ? VARIABLE_READS[node.name] : undefined;
    return read === undefined ? undefined : { id: node.name, read };
  }
  const named = keyOf(node);
  if (named === undefined) return undefined;
  const { map, key } = named;
  const id = `${map}[${key}]`;
  if (map === 'header') return { id, read: (facts) => facts.header(key) };
  if (map === 'query') return { id, read: (facts) => facts.query(key) };
  return { id, read: payloadRead(key, TYPEOF[type?.kind ?? ''] ?? 'string') };
}

/** A value of another type than the declared one counts as absent. */
function payloadRead(key: string, wanted: string): Read {
  return (facts) => {
    const value = facts.payload(key);
    return typeof value === wanted ? value : undefined;
  };
}

/** Reads a value that needs no more than looking at the call: a field, a literal, the time or an accessor of it. */
export function readOf(node: Expression, type: ValueType | undefined): Read | undefined {
  if (node.kind === 'literal') return constant(node.value);
  if (node.kind === 'name' && node.name === 'time') return (facts) => facts.nowMs;
  if (node.kind === 'call') return timeRead(node.name, node.target, node.args[0]);
  return fieldOf(node, type)?.read;
}

/** Small integers are numbers here, which compare without allocating and equal the `bigint` of the same value under `<` and `>`. */
function constant(literal: Value): Read {
  const value = typeof literal === 'bigint' && Number.isSafeInteger(Number(literal)) ? Number(literal) : literal;
  return () => value;
}

function timeRead(name: string, target: Expression | null, argument: Expression | undefined): Read | undefined {
  if (target === null) {
    if (name !== 'timestamp' || argument?.kind !== 'literal') return undefined;
    const instantMs = readInstantMs(String(argument.value));
    return instantMs === undefined ? undefined : () => instantMs;
  }
  if (target.kind !== 'name' || target.name !== 'time' || !isTimeField(name)) return undefined;
  const field = TIME_FIELDS[name];
  return (facts) => field(facts.nowMs);
}
