/** The door of the room: a worker of the data plane put together, in a thread of its own or in control's. */
export { LoggedCalls } from './call-log.ts';
export {
  dataPlaneLimits,
  HttpRules,
  limitsOf,
  makeDataPlane,
  makeEngine,
  makeTokenVault,
  relayLimits,
} from './data-plane-parts.ts';
export { LiveLogging } from './live-logging.ts';
export {
  connectPeer,
  PEER_STREAMS_MAX,
  peerLimits,
  peerLinks,
  peerListenerLimits,
  peerRouter,
  refusePeerRequest,
  reportSkew,
} from './peer-links.ts';
export { WorkerNode } from './worker-node.ts';
