import {
  type Clock,
  durationMs,
  type EpochMs,
  type InstanceId,
  type MonotonicMs,
  monotonicMs,
  type Timer,
} from '@modelmesh/core';
import { type ClusterConfig, ClusterView } from '@modelmesh/core/cluster';
import type { TypeConstraints } from '@modelmesh/core/constraints';
import type { InstanceRecord } from '@modelmesh/core/records';
import type { RegistryView } from '@modelmesh/core/view';
import type { PeerRoute } from '../../link/index.ts';
import type { PeerAddress } from '../../peer/index.ts';
import { LEASE_TTL_MS } from '../registry/index.ts';

/** Who belongs to the mesh as this node sees it. */
export interface MembersParts {
  readonly registry: RegistryView;
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly cluster: ClusterConfig;
  readonly constraints: TypeConstraints;
  /** What this instance would publish of itself now. */
  readonly ownRecord: () => InstanceRecord;
  /** Where calls can be sent has changed. */
  readonly onPeers: (instance: InstanceId) => void;
  /** An instance belongs to the mesh no more. */
  readonly onGone: (last: InstanceRecord) => void;
}

/**
 * The instances of the mesh: what the registry says of them, and what this node knows better.
 *
 * Two things it knows better. A peer that does not answer is no candidate, whatever its record says. And an instance whose record vanished
 * while this node could not hear the registry, or shortly after, is still a member for the time of a lease: where the registry was away for
 * all, every record vanishes and nobody is gone.
 */
export class Members {
  readonly cluster: ClusterView;
  readonly #parts: MembersParts;
  /** Instances whose record vanished and that still count, until the timer fires. */
  readonly #held = new Map<InstanceId, Timer>();
  #removalsCountFromMs: MonotonicMs = monotonicMs(0);
  #connected = true;

  constructor(parts: MembersParts) {
    this.#parts = parts;
    this.cluster = new ClusterView(parts.cluster, parts.constraints);
  }

  /**
   * Puts this instance among the others as it is now, which is newer than what the registry says of it. Whoever compares instances or sums over
   * them calls this first: an instance that only loads what others ask for would not be in its own picture at all.
   */
  refreshOwn(): void {
    this.cluster.put(this.#parts.ownRecord());
  }

  /** The registry told of these instances. */
  changed(instances: Iterable<InstanceId>): void {
    for (const id of instances) {
      if (id === this.#parts.self) continue;
      const record = this.#parts.registry.instance(id)?.record;
      if (record === undefined) this.#vanished(id);
      else {
        this.#release(id);
        this.#take(record);
      }
      this.#parts.onPeers(id);
    }
  }

  /** The registry cannot be heard. */
  registryLost(): void {
    this.#connected = false;
  }

  /** The registry was listed again: what vanished meanwhile may have vanished for all. */
  registryBack(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#removalsCountFromMs = monotonicMs(this.#parts.clock.monotonicMs() + LEASE_TTL_MS);
  }

  /** The data plane reaches a peer, or does not any more. News about an earlier life counts for nothing. */
  peerState(id: InstanceId, incarnation: string | null, reachable: boolean): void {
    const known = this.cluster.get(id)?.record;
    if (known === undefined || (known.incarnation ?? null) !== incarnation) return;
    if (reachable) this.cluster.trust(id);
    else this.cluster.suspect(id);
  }

  /** An instance that said that it leaves and is still there; never this one. */
  leavingPeer(): InstanceId | undefined {
    const { self, clock } = this.#parts;
    return this.cluster.ordered(clock.wallMs()).findLast(({ id, standing }) => id !== self && standing === 'leaving')?.id;
  }

  /** Whether the instance lives, as far as this node knows: its claims are to be believed. */
  isLive(id: InstanceId): boolean {
    return id === this.#parts.self || this.cluster.get(id) !== undefined;
  }

  /** Whether calls can be sent there now; one that leaves still takes them as long as it answers. */
  isReachable(id: InstanceId): boolean {
    return this.isLive(id) && !this.cluster.suspects(id);
  }

  /** Where its control is reached; `undefined` for unknown instances, for those without a peer port, and for this node. */
  addressOf(id: InstanceId): PeerAddress | undefined {
    const record = id === this.#parts.self ? undefined : this.cluster.get(id)?.record;
    if (record?.peerAddress === undefined) return undefined;
    return { instance: id, incarnation: record.incarnation ?? null, address: record.peerAddress };
  }

  /** As the data plane is to know it. */
  routeOf(id: InstanceId): PeerRoute | undefined {
    const address = this.addressOf(id);
    return address === undefined ? undefined : { ...address, draining: this.cluster.get(id)?.record.shuttingDown === true };
  }

  /** All other instances that can be called. */
  peerRoutes(nowMs: EpochMs): readonly PeerRoute[] {
    return this.cluster.ordered(nowMs).flatMap(({ id }) => this.routeOf(id) ?? []);
  }

  /** Forgets what waits. */
  stop(): void {
    for (const id of [...this.#held.keys()]) this.#release(id);
  }

  /** An instance without a peer address, such as one of the Java mesh, can be sent nothing: its copies are no reason not to load. */
  #take(record: InstanceRecord): void {
    const before = this.cluster.get(record.id)?.record;
    this.cluster.put(record);
    if (record.peerAddress === undefined) this.cluster.suspect(record.id);
    else if (before?.peerAddress === undefined) this.cluster.trust(record.id);
  }

  #vanished(id: InstanceId): void {
    const known = this.cluster.get(id)?.record;
    const waitMs = this.#removalsCountFromMs - this.#parts.clock.monotonicMs();
    if (known === undefined || this.#held.has(id)) return;
    // Whoever said that it leaves has left.
    if (waitMs <= 0 || known.shuttingDown) {
      this.#remove(id);
      return;
    }
    const timer = this.#parts.clock.after(durationMs(waitMs), () => {
      this.#held.delete(id);
      this.#remove(id);
      this.#parts.onPeers(id);
    });
    this.#held.set(id, timer);
  }

  #remove(id: InstanceId): void {
    const last = this.cluster.get(id)?.record;
    this.cluster.remove(id);
    if (last !== undefined) this.#parts.onGone(last);
  }

  #release(id: InstanceId): void {
    this.#held.get(id)?.cancel();
    this.#held.delete(id);
  }
}
