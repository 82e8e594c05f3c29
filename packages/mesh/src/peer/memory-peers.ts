import { type Clock, durationMs, type EndpointId, type InstanceId, MeshError, type ModelKey } from '@modelmesh/core';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type { MirrorDiff } from '@modelmesh/core/traffic';
import { agree, type Introduction, requireThat } from './meeting.ts';
import type { MetPeer, PeerAddress, PeerCopy, PeerHello, PeerLoad, PeerService, Peers } from './port.ts';

/** One request or answer on its way from one node to another. */
export interface PeerMessage {
  readonly from: InstanceId;
  readonly to: InstanceId;
  readonly what: 'hello' | 'load' | 'copy' | 'unload' | 'explain' | 'diff';
  readonly way: 'request' | 'answer';
}

/**
 * Carries a message: resolves when it arrives, rejects with a `MeshError` when it is lost. Delay, loss and partitions are its owner's. The signal is
 * aborted when the one who asked does not wait any more; a request that has arrived is not called back.
 */
export type CarryPeerMessage = (message: PeerMessage, signal: AbortSignal) => Promise<void>;

interface Served {
  readonly service: PeerService;
  readonly clock: Clock;
}

/** Nodes of one process that reach each other without sockets: what the simulation runs on, and suites of control. */
export class MemoryPeerNet {
  readonly #served = new Map<string, Served>();
  readonly #carry: CarryPeerMessage;

  /** @param carry how messages travel; at once unless given */
  constructor(carry: CarryPeerMessage = () => Promise.resolve()) {
    this.#carry = carry;
  }

  /** `service` answers at `address` from now on, by its own clock; ends the one that did. Returns what ends it. */
  serve(address: string, service: PeerService, clock: Clock): () => void {
    const served = { service, clock };
    this.#served.set(address, served);
    return () => {
      if (this.#served.get(address) === served) this.#served.delete(address);
    };
  }

  /** The way of one node to all others. */
  peersOf(self: Introduction, clock: Clock): Peers {
    return new MemoryPeers(self, clock, { at: (address) => this.#served.get(address), carry: this.#carry });
  }
}

interface Net {
  at(address: string): Served | undefined;
  readonly carry: CarryPeerMessage;
}

class MemoryPeers implements Peers {
  readonly #self: Introduction;
  readonly #clock: Clock;
  readonly #net: Net;
  readonly #closed = new AbortController();

  constructor(self: Introduction, clock: Clock, net: Net) {
    this.#self = self;
    this.#clock = clock;
    this.#net = net;
  }

  async hello(peer: PeerAddress, signal: AbortSignal): Promise<MetPeer> {
    const sentAtMs = this.#clock.monotonicMs();
    const wallAtMs = this.#clock.wallMs();
    const own: PeerHello = { ...this.#self, wallMs: wallAtMs };
    const hello = await this.#ask(peer, 'hello', signal, ({ service, clock }): PeerHello => {
      agree(service.self, own);
      return { ...service.self, wallMs: clock.wallMs() };
    });
    const protocol = agree(this.#self, hello);
    requireThat(peer, hello);
    const roundTripMs = durationMs(this.#clock.monotonicMs() - sentAtMs);
    return { hello, protocol, skewMs: hello.wallMs - (wallAtMs + roundTripMs / 2), roundTripMs };
  }

  load(peer: PeerAddress, load: PeerLoad, signal: AbortSignal): Promise<PeerCopy> {
    return this.#ask(peer, 'load', signal, ({ service }) => service.load(this.#self.instance, load, signal));
  }

  copy(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<PeerCopy> {
    return this.#ask(peer, 'copy', signal, ({ service }) => service.copy(this.#self.instance, model));
  }

  unload(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<void> {
    return this.#ask(peer, 'unload', signal, ({ service }) => service.unload(this.#self.instance, model));
  }

  explain(peer: PeerAddress, query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]> {
    return this.#ask(peer, 'explain', signal, ({ service }) => service.explain(query, signal));
  }

  diff(peer: PeerAddress, endpoint: EndpointId, signal: AbortSignal): Promise<readonly MirrorDiff[]> {
    return this.#ask(peer, 'diff', signal, ({ service }) => service.diff(endpoint, signal));
  }

  close(): void {
    this.#closed.abort(new MeshError('unavailable', 'the node is shutting down'));
  }

  async #ask<Answer>(
    peer: PeerAddress,
    what: PeerMessage['what'],
    signal: AbortSignal,
    ask: (served: Served) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const message = { from: this.#self.instance, to: peer.instance, what } as const;
    const both = AbortSignal.any([signal, this.#closed.signal]);
    return untilEither(both, async () => {
      await this.#net.carry({ ...message, way: 'request' }, both);
      const served = this.#net.at(peer.address);
      if (served === undefined) throw new MeshError('unavailable', `nobody answers at ${peer.address}`);
      const { service } = served;
      if (what !== 'hello') agree(service.self, { ...this.#self, wallMs: this.#clock.wallMs() });
      requireThat(peer, { ...service.self, wallMs: served.clock.wallMs() });
      const answer = await ask(served);
      await this.#net.carry({ ...message, way: 'answer' }, both);
      return answer;
    });
  }
}

/** What `work` gives, unless the signal is aborted before. */
function untilEither<Value>(signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      const { reason } = signal;
      reject(reason instanceof MeshError ? reason : new MeshError('cancelled', 'cancelled', { cause: reason }));
    };
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', aborted));
  });
}
