/** The door of the room: what the nodes of the mesh run of the policies of endpoints, and whether this one may lag behind. */
export { type Acknowledgement, type MissingInstance, PolicyAcks } from './policy-acks.ts';
export { PolicyFreshness } from './policy-freshness.ts';
export { POLICY_INSTANCES_SEEN_MS, SeenInstances } from './seen-instances.ts';
export { VariantWatch } from './variant-watch.ts';
