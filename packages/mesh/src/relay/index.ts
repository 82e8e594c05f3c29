/** The door of the room: streams that arrive at a worker and are control's to answer. */
export { acceptRelayed } from './accept-relayed.ts';
export { Relay } from './relay.ts';
export { createRelayEngine } from './relay-engine.ts';
