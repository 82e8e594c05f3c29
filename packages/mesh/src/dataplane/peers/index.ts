/** The door of the room: a worker's ways to the other nodes. */
export { CopyLatencies, LATENCIES_MAX } from './copy-latencies.ts';
export {
  ASKED_WITHIN_MS,
  HELLO_WITHIN_MS,
  type LinkParts,
  type LinkWaiter,
  PeerLink,
  PINGS_UNANSWERED_MAX,
  RETURN_WITHIN_MS,
  type ReturnWaiter,
} from './peer-link.ts';
export { HELD_UP_MS, type LinkReport, PeerLinks, type PeerLinksParts, PING_EVERY_MS } from './peer-links.ts';
