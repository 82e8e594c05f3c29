import { type DurationMs, durationMs, type InstanceId, type ModelKey, type Timer } from '@modelmesh/core';
import type { PeerStanding } from '@modelmesh/core/routing';
import type { DataPlaneEnd, PeerRoute } from '../../link/index.ts';
import type { MetPeer } from '../../peer/index.ts';
import { type LinkOwner, type LinkParts, PeerLink, type ReturnWaiter } from './peer-link.ts';

/** Pause between pings to a peer where calls are. */
export const PING_EVERY_MS = durationMs(250);
/** A look that comes so late says that this node itself was busy: what its peers answered meanwhile it has not read yet. */
export const HELD_UP_MS = durationMs(50);

/** What the links of a worker need. */
export interface PeerLinksParts extends LinkParts {
  readonly link: DataPlaneEnd;
  /** Other instances that calls can be sent to, as control says. */
  readonly routes: { peer(instance: InstanceId): PeerRoute | undefined; peers(): ReadonlyMap<InstanceId, PeerRoute> };
  /** Something is worth a line: a peer stopped answering, or answers again. */
  readonly report?: (facts: LinkReport) => void;
  /** A peer was met: how its clock stands to ours, and how far away it is. */
  readonly met?: (met: MetPeer) => void;
}

/** What became of the way to a peer. */
export interface LinkReport {
  readonly instance: InstanceId;
  readonly reachable: boolean;
  readonly why: string;
}

/** The ways of one worker to the other nodes of the mesh: one link for each peer of the route table, made with the first call that goes there. */
export class PeerLinks implements LinkOwner {
  readonly #parts: PeerLinksParts;
  readonly #links = new Map<InstanceId, PeerLink>();
  readonly #busy = new Set<PeerLink>();
  /** Until the busy links are looked at again. */
  #watching: Timer | undefined;
  #closed = false;

  constructor(parts: PeerLinksParts) {
    this.#parts = parts;
  }

  /** Whether there is anyone else. */
  get any(): boolean {
    return this.#parts.routes.peers().size > 0;
  }

  /** From 0 to 1, 1 excluded. */
  chance(): number {
    return this.#parts.random.unit();
  }

  /** Whether calls may be sent to the instance: control names it, and it answers as far as is known. */
  standing(instance: InstanceId): PeerStanding {
    const route = this.#parts.routes.peer(instance);
    if (this.#closed || route === undefined || this.#links.get(instance)?.mayCall === false) return 'away';
    return route.draining ? 'leaving' : 'ready';
  }

  /** Whether there is an instance that calls may be sent to, besides `asked` and those that are `excluded`. */
  anyBut(excluded: ReadonlySet<InstanceId>, asked: InstanceId): boolean {
    for (const instance of this.#parts.routes.peers().keys()) {
      if (instance !== asked && !excluded.has(instance) && this.standing(instance) !== 'away') return true;
    }
    return false;
  }

  /** Calls of this worker that are there. */
  inFlight(instance: InstanceId): number {
    return this.#links.get(instance)?.inFlight ?? 0;
  }

  /** How long a call of the model takes there; `null`: not known. */
  latencyMs(instance: InstanceId, model: ModelKey): DurationMs | null {
    return this.#links.get(instance)?.latencyMs(model) ?? null;
  }

  /** The way to an instance; `undefined` if control names none. */
  to(instance: InstanceId): PeerLink | undefined {
    const route = this.#parts.routes.peer(instance);
    if (route === undefined || this.#closed) return undefined;
    const known = this.#links.get(instance);
    if (known !== undefined && sameRoute(known.route, route)) return known;
    const link = new PeerLink(route, this.#parts, this);
    this.#links.set(instance, link);
    // Who waited for the life before looks for this one at once.
    known?.retire();
    return link;
  }

  /** The link of an instance that stopped answering only a moment ago, of whose return `waiter` is told; `undefined`: it is not to be waited for. */
  awaitReturn(instance: InstanceId, waiter: ReturnWaiter): PeerLink | undefined {
    const link = this.#links.get(instance);
    return !this.#closed && link?.awaitReturn(waiter) === true ? link : undefined;
  }

  /** The route table has changed: links to peers that it does not name any more end with their last call. */
  routesChanged(): void {
    for (const [instance, link] of this.#links) {
      const route = this.#parts.routes.peer(instance);
      if (route !== undefined && sameRoute(link.route, route)) continue;
      this.#links.delete(instance);
      link.retire();
    }
  }

  close(): void {
    this.#closed = true;
    this.#watching?.cancel();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  onLinkBusy(link: PeerLink, busy: boolean): void {
    if (!busy) {
      this.#busy.delete(link);
      return;
    }
    this.#busy.add(link);
    if (this.#watching === undefined) this.#watchLater();
  }

  onLinkReachable({ route: { instance, incarnation } }: PeerLink, reachable: boolean, why: string): void {
    this.#parts.link.send({ kind: 'peer-state', instance, incarnation, reachable });
    this.#parts.report?.({ instance, reachable, why });
  }

  onLinkMet(_link: PeerLink, met: MetPeer): void {
    this.#parts.met?.(met);
  }

  /** One timer for all links, and none while no call is anywhere. */
  #watchLater(): void {
    const { clock } = this.#parts;
    const dueMs = clock.monotonicMs() + PING_EVERY_MS;
    this.#watching = clock.after(PING_EVERY_MS, () => {
      this.#watching = undefined;
      if (this.#busy.size === 0) return;
      const wasHeldUp = clock.monotonicMs() - dueMs > HELD_UP_MS;
      this.#watchLater();
      for (const link of [...this.#busy]) link.watch(wasHeldUp);
    });
  }
}

const sameRoute = (a: PeerRoute, b: PeerRoute): boolean => a.address === b.address && a.incarnation === b.incarnation;
