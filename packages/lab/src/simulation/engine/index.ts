/** The door of the room: time, order and chance of a simulation, and the doors to the real ones shut. */
export { Actor, type ActorState } from './actor.ts';
export { ActorClock, type ClockFault, WORLD_WALL_START_MS } from './actor-clock.ts';
export { Chance } from './chance.ts';
export { shutWorldOut } from './guard.ts';
export { Trace } from './trace.ts';
export { EVENTS_MAX, type Scheduled, type Violation, World } from './world.ts';
