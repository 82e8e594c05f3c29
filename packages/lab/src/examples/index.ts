/** The door of the room: the examples of endpoints, each of which proves on a real node what its manifests promise. */
import type { NodeProcessOptions } from '../node-process/index.ts';
import { canary } from './canary.ts';
import type { ExampleMesh } from './example-mesh.ts';
import { fourVariants } from './four-variants.ts';
import { headerRule } from './header-rule.ts';
import { kserveCanary } from './kserve-canary.ts';
import { OWN_STRATEGY_NODE, ownStrategy } from './own-strategy.ts';
import { seldon } from './seldon.ts';
import { shadowDiff } from './shadow-diff.ts';
import { stickyAb } from './sticky-ab.ts';

export { type Claim, ExampleMesh } from './example-mesh.ts';

/** Every example by the name of its folder. */
export const ENDPOINT_EXAMPLES = {
  canary,
  'sticky-ab': stickyAb,
  'four-variants': fourVariants,
  'header-rule': headerRule,
  'kserve-canary': kserveCanary,
  'own-strategy': ownStrategy,
  'shadow-diff': shadowDiff,
  seldon,
} as const satisfies Readonly<Record<string, (mesh: ExampleMesh) => Promise<void>>>;

/** Name of an example. */
export type EndpointExample = keyof typeof ENDPOINT_EXAMPLES;

/** How the node of an example is started, where it needs more than the others. */
export const EXAMPLE_NODES: Partial<Readonly<Record<string, NodeProcessOptions>>> = { 'own-strategy': OWN_STRATEGY_NODE };
