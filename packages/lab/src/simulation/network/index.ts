/** The door of the room: a network between processes, on the stream port of the call layer. */
export { SimConnection } from './connection.ts';
export { type Endpoint, Network, type SimListener } from './network.ts';
export { SimEngine } from './sim-engine.ts';
export type { LinkTrouble } from './weather.ts';
