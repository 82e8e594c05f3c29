import type { InstanceId } from '@modelmesh/core';
import type { NodeEvent } from '@modelmesh/mesh/node';
import { Actor, type World } from '../engine/index.ts';
import { Network } from '../network/index.ts';
import { SimRegistry } from '../registry/index.ts';
import type { Artifact, RuntimeWitness, SimRuntime } from '../runtime/index.ts';
import type { ModelSpec, Scenario } from '../scenario/index.ts';
import { Calls, type SimCall } from './calls.ts';
import type { NodeLife, Surroundings } from './node-life.ts';
import { Operations } from './operations.ts';
import { SimNode } from './sim-node.ts';

/** What checkers hear of; each says only what it wants to hear. */
export interface ClusterWitness extends Partial<RuntimeWitness> {
  nodeEvent?(life: NodeLife, event: NodeEvent): void;
  callStarted?(call: SimCall): void;
  callEnded?(call: SimCall): void;
  lifeOver?(life: NodeLife, gracefully: boolean): void;
  /** An edit of an endpoint was answered, at this very instant. */
  endpointEdited?(at: NodeLife, edited: EditedEndpoint): void;
}

/** What an edit of an endpoint came to. */
export interface EditedEndpoint {
  readonly endpoint: string;
  readonly revision: number;
  readonly missing: readonly InstanceId[];
}

/** All actors of one scenario, and whoever watches them. */
export class Cluster implements Surroundings {
  readonly world: World;
  readonly scenario: Scenario;
  readonly network: Network;
  readonly registry: SimRegistry;
  readonly models: ReadonlyMap<string, ModelSpec>;
  readonly nodes = new Map<string, SimNode>();
  readonly calls: Calls;
  readonly operations: Operations;
  /** Those who carry out steps and faults. */
  readonly operators = new Actor('operators');
  readonly witness: RuntimeWitness;
  /** Set once no fault and no traffic is left. */
  quiet = false;
  readonly #witnesses: ClusterWitness[] = [];

  private constructor(world: World, scenario: Scenario, registry: SimRegistry) {
    this.world = world;
    this.scenario = scenario;
    this.registry = registry;
    this.network = new Network(world, new Actor('kernel'));
    this.models = new Map(scenario.models.map((model) => [model.key, model]));
    this.operations = new Operations(world);
    this.calls = new Calls(world, this.network, {
      started: (call) => {
        for (const one of this.#witnesses) one.callStarted?.(call);
      },
      ended: (call) => {
        for (const one of this.#witnesses) one.callEnded?.(call);
      },
    });
    this.witness = this.#fanOut();
    for (const spec of scenario.nodes) {
      const over = (life: NodeLife, gracefully: boolean): void => {
        for (const one of this.#witnesses) one.lifeOver?.(life, gracefully);
      };
      this.nodes.set(spec.id, new SimNode(this, spec, over));
    }
  }

  /** Builds the cluster; nothing of it has started. */
  static async build(world: World, scenario: Scenario): Promise<Cluster> {
    return new Cluster(world, scenario, await SimRegistry.open(world, scenario.historyMax));
  }

  watch(witness: ClusterWitness): void {
    this.#witnesses.push(witness);
  }

  /** Lives that serve. */
  *serving(): IterableIterator<NodeLife> {
    for (const node of this.nodes.values()) if (node.serving !== undefined) yield node.serving;
  }

  onEndpointEdited(at: NodeLife, edited: EditedEndpoint): void {
    for (const one of this.#witnesses) one.endpointEdited?.(at, edited);
  }

  onNodeEvent(life: NodeLife, event: NodeEvent): void {
    this.world.trace.add(this.world.nowMs, life.actor.name, `${event.kind} ${event.message}`);
    for (const one of this.#witnesses) one.nodeEvent?.(life, event);
  }

  #fanOut(): RuntimeWitness {
    const all = this.#witnesses;
    return {
      loadBegan: (runtime: SimRuntime, model: string, artifact: string) => {
        for (const one of all) one.loadBegan?.(runtime, model, artifact);
      },
      loadEnded: (runtime: SimRuntime, model: string, loaded: boolean) => {
        for (const one of all) one.loadEnded?.(runtime, model, loaded);
      },
      unloadBegan: (runtime: SimRuntime, model: string) => {
        for (const one of all) one.unloadBegan?.(runtime, model);
      },
      callBegan: (runtime: SimRuntime, callId: string, model: string, loaded: Artifact | null) => {
        for (const one of all) one.callBegan?.(runtime, callId, model, loaded);
      },
      callAnswered: (runtime: SimRuntime, callId: string) => {
        for (const one of all) one.callAnswered?.(runtime, callId);
      },
    };
  }
}
