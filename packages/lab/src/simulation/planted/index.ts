/** The door of the room: mistakes that the simulation must find. */
export type { PlantedBug } from './bug.ts';
export { PLANTED_BUGS, PLANTED_SEEDS_MAX } from './bugs.ts';
export { type Hunt, hunt } from './hunt.ts';
export { fileOf, withBug } from './plant.ts';
