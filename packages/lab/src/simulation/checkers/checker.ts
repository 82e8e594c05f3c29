import type { Cluster, ClusterWitness } from '../cluster/index.ts';
import type { Actor } from '../engine/index.ts';
import type { Knowledge } from './knowledge.ts';

/** One run of a checker: it hears what happens, looks when it is told to, and tells the world what must not be. */
export interface CheckerRun extends ClusterWitness {
  /** After every event; `actor` is the one to whom it happened. */
  afterEvent?(actor: Actor): void;
  /** The cluster had time to come to rest after the last fault; nobody calls. */
  atRest?(): void;
  /** Every model was called at every node. */
  afterProbe?(): void;
  /** Every node has left. */
  atEnd?(): void;
}

/** Something that must hold in every history. */
export interface Checker {
  readonly name: string;
  /** What it holds the project to, in the words that were agreed on. */
  readonly sentence: string;
  begin(cluster: Cluster, knowledge: Knowledge): CheckerRun;
}
