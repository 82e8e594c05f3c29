/** The door of the room: node to node. */

export { agree, greet, type Introduction, splitAddress } from './meeting.ts';
export { type CarryPeerMessage, MemoryPeerNet, type PeerMessage } from './memory-peers.ts';
export { NO_PEERS } from './no-peers.ts';
export type { MetPeer, PeerAddress, PeerCopy, PeerHello, PeerLoad, PeerService, Peers } from './port.ts';
export { servePeers } from './serve-peers.ts';
export { PEER_CONNECTIONS_MAX, StreamPeers, type StreamPeersParts } from './stream-peers.ts';
