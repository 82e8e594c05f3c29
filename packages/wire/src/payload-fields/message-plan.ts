import type { PayloadField } from '@modelmesh/core/records';

/** Field of `ModelInferRequest` that holds its parameters, a map. Source: the Open Inference Protocol. */
const PARAMETERS = 4;

/** A message on the way to fields, or a field itself. */
export interface MessageNode {
  /** Fields that stand here. */
  readonly fields: PayloadField[];
  readonly children: Map<number, MessageNode>;
  /** Where the node is a map of request parameters: fields by the name of their parameter. */
  readonly parameters: Map<string, PayloadField[]>;
}

const emptyNode = (): MessageNode => ({ fields: [], children: new Map(), parameters: new Map() });

/** Where the declared fields stand in a message. */
export interface MessagePlan {
  readonly root: MessageNode;
  readonly fields: readonly PayloadField[];
  /** Serializers write fields in ascending order: once one with a greater number begins, nothing more is found. */
  readonly absentBehind: number;
}

/**
 * @param isInference whether it is a request of the Open Inference Protocol, whose parameters have names; field numbers are for other messages.
 *   Of two paths of which one leads through the other, the longer one is looked for.
 */
export function messagePlan(declared: readonly PayloadField[], isInference: boolean): MessagePlan {
  const root = emptyNode();
  const fields: PayloadField[] = [];
  for (const field of declared) {
    if (isInference) {
      if (field.parameter === null) continue;
      const node = nodeAt(root, [PARAMETERS]);
      node.parameters.set(field.parameter, [...(node.parameters.get(field.parameter) ?? []), field]);
      fields.push(field);
    } else if (field.proto !== null && field.proto.length > 0) {
      nodeAt(root, field.proto).fields.push(field);
      fields.push(field);
    }
  }
  return { root, fields, absentBehind: Math.max(0, ...root.children.keys()) };
}

function nodeAt(root: MessageNode, path: readonly number[]): MessageNode {
  let node = root;
  for (const number of path) {
    let child = node.children.get(number);
    if (child === undefined) {
      child = emptyNode();
      node.children.set(number, child);
    }
    node = child;
  }
  return node;
}
