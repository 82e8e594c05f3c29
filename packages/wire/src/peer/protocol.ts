/** A range of versions of the protocol between nodes, both ends included. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

/** What this program speaks. A node of version N works with those of N − 1. */
export const PEER_PROTOCOL: ProtocolRange = Object.freeze({ min: 1, max: 2 });

/** The first version whose nodes treat a call with `mesh-shadow` as one that nobody waits for; none is sent to others. */
export const SHADOWS_SINCE_PROTOCOL = 2;

/** The highest version that both speak; `undefined`: there is none. */
export function commonProtocol(ours: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}
