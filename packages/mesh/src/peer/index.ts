/** The door of the room: node to node. */
export { NO_PEERS } from './no-peers.ts';
export type { MetPeer, PeerAddress, PeerCopy, PeerHello, PeerLoad, PeerService, Peers } from './port.ts';
