import type { PayloadField } from '@modelmesh/core/records';
import { type JsonStep, parseJsonPath } from '@modelmesh/core/traffic';

/** A JSON value on the way to fields, or one that a field is. */
export interface JsonNode {
  readonly fields: PayloadField[];
  readonly members: Map<string, JsonNode>;
  readonly elements: Map<number, JsonNode>;
}

const emptyNode = (): JsonNode => ({ fields: [], members: new Map(), elements: new Map() });

/** Where the declared fields stand in a JSON body. */
export interface JsonPlan {
  readonly root: JsonNode;
  readonly fields: readonly PayloadField[];
}

/** By the path of each field, else by the name of its request parameter. A path that is none leads nowhere. */
export function jsonPlan(declared: readonly PayloadField[]): JsonPlan {
  const root = emptyNode();
  const fields: PayloadField[] = [];
  for (const field of declared) {
    const steps = stepsOf(field);
    if (steps === undefined) continue;
    nodeAt(root, steps).fields.push(field);
    fields.push(field);
  }
  return { root, fields };
}

function stepsOf({ json, parameter }: PayloadField): readonly JsonStep[] | undefined {
  if (json !== null) return parseJsonPath(json);
  return parameter === null ? undefined : ['parameters', parameter];
}

function nodeAt(root: JsonNode, steps: readonly JsonStep[]): JsonNode {
  let node = root;
  for (const step of steps) node = typeof step === 'string' ? childOf(node.members, step) : childOf(node.elements, step);
  return node;
}

function childOf<Key>(children: Map<Key, JsonNode>, key: Key): JsonNode {
  let child = children.get(key);
  if (child === undefined) {
    child = emptyNode();
    children.set(key, child);
  }
  return child;
}
