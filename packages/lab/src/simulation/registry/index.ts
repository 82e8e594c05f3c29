/** The door of the room: the registry of a simulated cluster, and what goes wrong on the way to it. */

export { SimKv } from './sim-kv.ts';
export { type RegistryTrouble, SimRegistry } from './sim-registry.ts';
