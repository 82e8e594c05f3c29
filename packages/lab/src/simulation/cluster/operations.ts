import { toMeshError } from '@modelmesh/core';
import type { Control } from '@modelmesh/mesh/node';
import type { World } from '../engine/index.ts';
import type { NodeLife } from './node-life.ts';
import type { SimNode } from './sim-node.ts';

/** Something that an operator asked a node for. */
export interface Operation {
  readonly name: string;
  readonly life: NodeLife;
  readonly startedMs: number;
  /** `undefined` while it is under way. */
  outcome: 'done' | string | undefined;
}

/** What operators ask of nodes, and what came of it. */
export class Operations {
  readonly all: Operation[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Asks the node, if it serves. A frozen one is not asked: its port takes the question, and nobody is there to hear it. */
  ask(node: SimNode, name: string, ask: (control: Control) => Promise<unknown>): Operation | undefined {
    const life = node.serving;
    const control = life?.running?.control;
    if (life === undefined || control === undefined || node.isFrozen) return undefined;
    const operation: Operation = { name, life, startedMs: this.#world.nowMs, outcome: undefined };
    this.all.push(operation);
    ask(control).then(
      () => this.#ended(operation, 'done'),
      (error: unknown) => this.#ended(operation, toMeshError(error).kind),
    );
    return operation;
  }

  #ended(operation: Operation, outcome: string): void {
    operation.outcome = outcome;
    this.#world.trace.add(this.#world.nowMs, operation.life.actor.name, `${operation.name}: ${outcome}`);
  }
}
