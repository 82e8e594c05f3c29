/** The door of the room: the laws of the port, for every adapter. */
export { type PeerWorld, peersContract } from './contract.ts';
