/** The door of the room: node to node. */
export type { MetPeer, PeerAddress, PeerCopy, PeerHello, PeerLoad, PeerService, Peers } from './port.ts';
