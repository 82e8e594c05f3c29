import { type Clock, type DurationMs, durationMs, type InstanceId } from '@modelmesh/core';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type { PeerRoute } from '../../link/index.ts';
import type { Peers } from '../../peer/index.ts';
import { EXPLAINED_MAX, type MadeDecision, type MeshDecisions } from '../control.ts';
import { inBatches } from '../in-batches.ts';
import { inTime } from '../in-time.ts';
import type { Members } from '../members/index.ts';
import { newestFirst } from './node-decisions.ts';

/** Other nodes that are asked at the same time. */
export const EXPLAIN_ASKED_AT_ONCE = 32;
/** So long a node may take to answer; without it the others' decisions are told. */
export const EXPLAIN_TIMEOUT_MS: DurationMs = durationMs(2000);

/** What the gathering of decisions needs. */
export interface MeshDecisionsParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly members: Members;
  readonly peers: Peers;
  readonly own: (query: DecisionQuery, signal: AbortSignal) => Promise<readonly DecisionRecord[]>;
}

/**
 * The decisions of all nodes of the mesh: whoever decides is not whom a user asks. The leader fills free room, the node that a call enters places
 * the model, the holder evicts it. A node that does not answer is named.
 */
export async function gatherDecisions(
  parts: MeshDecisionsParts,
  query: DecisionQuery,
  signal: AbortSignal,
): Promise<MeshDecisions> {
  const { self, clock, members, peers, own } = parts;
  const records: MadeDecision[] = [];
  const unanswered: InstanceId[] = [];
  const told = async (instance: InstanceId, answer: Promise<readonly DecisionRecord[]>): Promise<void> => {
    try {
      records.push(...(await answer).map((record) => ({ ...record, madeBy: instance })));
    } catch {
      // Who did not answer is told by name; why not is in the log of the peers.
      unanswered.push(instance);
    }
  };
  const asked = (peer: PeerRoute): Promise<readonly DecisionRecord[]> =>
    inTime({ clock, withinMs: EXPLAIN_TIMEOUT_MS, signal }, (limited) => peers.explain(peer, query, limited));
  await Promise.all([
    told(self, own(query, signal)),
    inBatches(members.peerRoutes(clock.wallMs()), EXPLAIN_ASKED_AT_ONCE, signal, (peer) => told(peer.instance, asked(peer))),
  ]);
  signal.throwIfAborted();
  return { records: newestFirst(records).slice(0, EXPLAINED_MAX), unanswered: unanswered.toSorted() };
}
