/**
 * The door of the room: what nodes of one mesh say to each other: the service of control (`modelmesh.peer.v1.Peer`), and the header fields of a
 * call that is forwarded. How it ended travels in the trailer of `status`.
 */
export * from '../gen/modelmesh/peer/v1/peer_pb.ts';
export {
  formatPeerCall,
  formatPeerEndpoint,
  PEER_CALL_HEADER,
  PEER_ENDPOINT_HEADER,
  PEER_SHADOW_HEADER,
  type PeerCall,
  type PeerEndpoint,
  parsePeerCall,
  ROUTE_HOPS_MAX,
  readPeerEndpoint,
} from './call-header.ts';
export {
  formatLogFields,
  type LogFields,
  PEER_LOG_FIELDS_BYTES_MAX,
  PEER_LOG_FIELDS_HEADER,
  readLogFields,
} from './log-fields.ts';
export { commonProtocol, PEER_PROTOCOL, type ProtocolRange, SHADOWS_SINCE_PROTOCOL } from './protocol.ts';
