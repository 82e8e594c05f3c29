import { type Clock, durationMs, type InstanceId, MeshError } from '@modelmesh/core';
import type { RegistryView } from '@modelmesh/core/view';
import type { Peers } from '../../peer/index.ts';
import { inTime } from '../in-time.ts';

/** Whoever has this node's id in the registry is given this long to say that it lives (spec `modelmesh.md` §3.5). */
export const TWIN_ANSWERS_MS = durationMs(5000);

/** Who is about to start. */
export interface Newcomer {
  readonly instance: InstanceId;
  readonly incarnation: string;
  readonly peers: Peers;
  readonly clock: Clock;
}

/**
 * Refuses to start beside a node of the same id that lives: each would take back the claims of the other and write over its record. A record of
 * an earlier life, whose node answers no more, is no reason.
 *
 * @throws {MeshError} `failed-precondition` that says where the other one is
 */
export async function refuseBesideTwin(view: RegistryView, { instance, incarnation, peers, clock }: Newcomer): Promise<void> {
  const record = view.instance(instance)?.record;
  if (record?.peerAddress === undefined || record.incarnation === undefined || record.incarnation === incarnation) return;
  const address = { instance, incarnation: record.incarnation, address: record.peerAddress };
  const lives = await inTime({ clock, withinMs: TWIN_ANSWERS_MS }, (limited) => peers.hello(address, limited)).then(
    () => true,
    () => false,
  );
  if (!lives) return;
  const sentence = `another node lives under the id ${instance}, at ${record.peerAddress}: give each node an id of its own, or stop that one first`;
  throw new MeshError('failed-precondition', sentence);
}
