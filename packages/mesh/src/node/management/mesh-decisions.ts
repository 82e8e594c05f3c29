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

/** What the asking of all nodes needs. */
export interface MeshAskingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly members: Members;
}

/** What the gathering of decisions needs. */
export interface MeshDecisionsParts extends MeshAskingParts {
  readonly peers: Peers;
  readonly own: (query: DecisionQuery, signal: AbortSignal) => Promise<readonly DecisionRecord[]>;
}

/** What the nodes of a mesh say. */
export interface MeshAnswers<Answer> {
  readonly answers: readonly { readonly of: InstanceId; readonly answer: Answer }[];
  /** Who did not answer is told by name; why not is in the log of the peers. */
  readonly unanswered: readonly InstanceId[];
}

/** Asks this node and all others, a bounded number at a time, each for {@link EXPLAIN_TIMEOUT_MS} at most. */
export async function askMesh<Answer>(
  { self, clock, members }: MeshAskingParts,
  own: Promise<Answer>,
  ask: (peer: PeerRoute, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): Promise<MeshAnswers<Answer>> {
  const answers: { readonly of: InstanceId; readonly answer: Answer }[] = [];
  const unanswered: InstanceId[] = [];
  const told = async (of: InstanceId, answer: Promise<Answer>): Promise<void> => {
    try {
      answers.push({ of, answer: await answer });
    } catch {
      unanswered.push(of);
    }
  };
  const asked = (peer: PeerRoute): Promise<Answer> =>
    inTime({ clock, withinMs: EXPLAIN_TIMEOUT_MS, signal }, (limited) => ask(peer, limited));
  await Promise.all([
    told(self, own),
    inBatches(members.peerRoutes(clock.wallMs()), EXPLAIN_ASKED_AT_ONCE, signal, (peer) => told(peer.instance, asked(peer))),
  ]);
  signal.throwIfAborted();
  return { answers, unanswered: unanswered.toSorted() };
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
  const { peers, own } = parts;
  const ask = (peer: PeerRoute, limited: AbortSignal) => peers.explain(peer, query, limited);
  const { answers, unanswered } = await askMesh(parts, own(query, signal), ask, signal);
  const records: MadeDecision[] = answers.flatMap(({ of, answer }) => answer.map((record) => ({ ...record, madeBy: of })));
  return { records: newestFirst(records).slice(0, EXPLAINED_MAX), unanswered };
}
