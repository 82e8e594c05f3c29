import {
  type Clock,
  type DurationMs,
  durationMs,
  MeshError,
  type ModelKey,
  type MonotonicMs,
  monotonicMs,
  type Random,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import { GrpcClient } from '@modelmesh/grpc/call';
import type { ByteStream, ClientConnection, HeaderBlock, StreamHandler } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import type { PeerRoute } from '../../link/index.ts';
import { greet, type Introduction, type MetPeer } from '../../peer/index.ts';
import { CopyLatencies } from './copy-latencies.ts';

/** Waits for a link to open. Told exactly once, unless it left before. */
export interface LinkWaiter {
  onLinkOpen(): void;
  onLinkFailed(message: string): void;
}

/** Waits for a peer that stopped answering to answer again. Told exactly once, unless it left before. */
export interface ReturnWaiter {
  onPeerBack(): void;
  /** It has been silent for too long to be waited for. */
  onPeerStaysAway(): void;
}

/** What all links of a worker share. */
export interface LinkParts {
  readonly self: Introduction;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerWheel;
  /** A connection to a peer's port; not yet made. @throws {MeshError} `unavailable` if there can be none */
  readonly connect: (address: string) => ClientConnection;
  /** Calls that may wait for one link to open. */
  readonly waitingMax: number;
}

/** Hears of one link. */
export interface LinkOwner {
  /** It carries calls, or carries none any more. */
  onLinkBusy(link: PeerLink, busy: boolean): void;
  /** The peer stopped answering, or answers again. */
  onLinkReachable(link: PeerLink, reachable: boolean, why: string): void;
  onLinkMet(link: PeerLink, met: MetPeer): void;
}

/** How far a link has come. */
type Phase =
  /** No connection, or one that said goodbye: made with the next call. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'opening'; readonly timer: Timer }
  | { readonly kind: 'open'; readonly protocol: number }
  /** The peer does not answer: no call goes there until it says hello again. */
  | {
      readonly kind: 'suspected';
      readonly failures: number;
      /** Whether it is being asked now, or else the pause until then. */
      readonly asking: boolean;
      readonly sinceMs: MonotonicMs;
      readonly timer: Timer | undefined;
    }
  | { readonly kind: 'closed' };

/** Until a peer has to have said hello: with the two pings a stopped peer leaves the candidates within a second whoever finds it out. */
export const HELLO_WITHIN_MS = durationMs(750);
/** So long after it stopped answering a peer is waited for where nobody else takes a call: one that was held up is back by then. */
export const RETURN_WITHIN_MS = durationMs(3000);
/**
 * Whoever comes later waits at least so long, while the peer is asked at a quick pace: twice the second after which a system sends again what was
 * lost before the network came back.
 */
export const ASKED_WITHIN_MS = durationMs(2000);
/** Pings in a row without an answer after which a peer counts as gone. */
export const PINGS_UNANSWERED_MAX = 2;
const PROBE_PAUSE_MS = 100;
const PROBE_PAUSE_MS_MAX = 5000;
const HELLO_BYTES_MAX = 65_536;
const RETRY_AFTER_MS = durationMs(1000);

/**
 * One worker's way to one life of one peer: a connection that is made with the first call, hello before it, and the evidence that the other side
 * is gone. While a peer is suspected the link asks for it again and again, ever more slowly.
 */
export class PeerLink {
  readonly route: PeerRoute;
  /** How long calls of models took there. */
  readonly latencies: CopyLatencies;
  readonly #parts: LinkParts;
  readonly #owner: LinkOwner;
  readonly #waiters = new Set<LinkWaiter>();
  #phase: Phase = { kind: 'idle' };
  #connection: ClientConnection | undefined;
  /** Connections that said goodbye while calls were there, which are answered on them. */
  readonly #parting = new Set<ClientConnection>();
  #inFlight = 0;
  #unanswered = 0;
  /** This node was too late to read answers when it last looked, which is granted once in a row. */
  #excused = false;
  #toldUnreachable = false;
  #retired = false;
  /** Those who wait for the peer to answer again, each with the end of its patience. */
  readonly #returnWaiters = new Map<ReturnWaiter, Timer>();
  #silentSinceMs: MonotonicMs = monotonicMs(0);

  constructor(route: PeerRoute, parts: LinkParts, owner: LinkOwner) {
    this.route = route;
    this.#parts = parts;
    this.#owner = owner;
    this.latencies = new CopyLatencies(parts.clock);
  }

  /** Whether calls may be sent there. */
  get mayCall(): boolean {
    const { kind } = this.#phase;
    return kind === 'idle' || kind === 'opening' || kind === 'open';
  }

  /** The version of the protocol that calls are sent in; `undefined` until the link is open. */
  get protocol(): number | undefined {
    return this.#phase.kind === 'open' ? this.#phase.protocol : undefined;
  }

  /** Calls of this worker that are there. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call goes there. */
  enter(): void {
    this.#inFlight += 1;
    if (this.#inFlight === 1) this.#owner.onLinkBusy(this, true);
  }

  /** It has ended. */
  leave(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    this.#owner.onLinkBusy(this, false);
    this.#endParting();
    if (this.#retired) this.close();
  }

  /**
   * Opens a stream, or has `waiter` told when that can be done. To be called between {@link enter} and {@link leave}.
   *
   * @throws {MeshError} `overloaded` beyond a limit, `unavailable` while the peer is suspected: nothing was sent
   */
  open(headers: (protocol: number) => HeaderBlock, handler: StreamHandler, waiter: LinkWaiter): ByteStream | undefined {
    const phase = this.#phase;
    if (phase.kind === 'open' && this.#connection !== undefined)
      return this.#connection.open(headers(phase.protocol), false, handler);
    if (!this.mayCall) throw new MeshError('unavailable', `${this.route.instance} does not answer`);
    const { waitingMax } = this.#parts;
    if (this.#waiters.size >= waitingMax) {
      const sentence = `${waitingMax} calls wait already for a connection to ${this.route.instance}; try again later`;
      throw new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiters.add(waiter);
    if (phase.kind === 'idle') this.#begin();
    return undefined;
  }

  /** Stops waiting. */
  forget(waiter: LinkWaiter): void {
    this.#waiters.delete(waiter);
  }

  /**
   * Waits until it answers again, and has it asked now: up to {@link RETURN_WITHIN_MS} after it stopped, and no less than {@link ASKED_WITHIN_MS}.
   * False: it is not to be waited for, and the waiter hears nothing.
   */
  awaitReturn(waiter: ReturnWaiter): boolean {
    const { waitingMax, clock } = this.#parts;
    if (this.#phase.kind !== 'suspected' || this.#retired || this.#returnWaiters.size >= waitingMax) return false;
    const windowLeftMs = this.#silentSinceMs + RETURN_WITHIN_MS - clock.monotonicMs();
    const patience = clock.after(durationMs(Math.max(windowLeftMs, ASKED_WITHIN_MS)), () => {
      this.#returnWaiters.delete(waiter);
      waiter.onPeerStaysAway();
    });
    this.#returnWaiters.set(waiter, patience);
    this.#askSoon();
    return true;
  }

  /** A suspected peer is asked without waiting for the end of a long pause. */
  #askSoon(): void {
    const phase = this.#phase;
    if (phase.kind !== 'suspected' || phase.asking) return;
    if (this.#parts.clock.monotonicMs() - phase.sinceMs >= PROBE_PAUSE_MS) this.#probe();
    else this.#enter({ ...phase, timer: this.#probeLater(phase.failures) });
  }

  /** Stops waiting. */
  leaveReturn(waiter: ReturnWaiter): void {
    this.#returnWaiters.get(waiter)?.cancel();
    this.#returnWaiters.delete(waiter);
  }

  /**
   * Time for another ping; two in a row without an answer are the end. `wasHeldUp`: this node was too busy to read answers: they are waited for once
   * more, so that it does not take its own delay for a peer that is gone. Once, since it has read by the next look what had come by this one.
   */
  watch(wasHeldUp: boolean): void {
    if (this.#phase.kind !== 'open') return;
    if (this.#unanswered >= PINGS_UNANSWERED_MAX) {
      if (wasHeldUp && !this.#excused) {
        this.#excused = true;
        return;
      }
      this.#fellSilent(`it answered no ping ${PINGS_UNANSWERED_MAX} times in a row`);
      return;
    }
    this.#unanswered += 1;
    const connection = this.#connection;
    connection?.ping((roundTripMs) => {
      if (roundTripMs !== null && this.#connection === connection) this.#answered();
    });
  }

  /** The route table does not name it any more: calls there go on, then it is closed. */
  retire(): void {
    this.#retired = true;
    // Whoever waits may find it in another life, or not at all.
    this.#endReturn((waiter) => waiter.onPeerBack());
    if (this.#inFlight === 0) this.close();
  }

  /** Ends the connection, and the calls on it. */
  close(): void {
    if (this.#phase.kind === 'closed') return;
    this.#enter({ kind: 'closed' });
    this.#endReturn((waiter) => waiter.onPeerStaysAway());
    this.#failWaiters('the node is shutting down');
    this.#drop();
    this.#endParting();
  }

  #begin(): void {
    this.#enter({ kind: 'opening', timer: this.#awaitHello() });
    this.#connect();
  }

  #connect(): void {
    let connection: ClientConnection;
    try {
      connection = this.#parts.connect(this.route.address);
    } catch (error) {
      this.#lost(toMeshError(error).message);
      return;
    }
    this.#connection = connection;
    connection.onState = (state) => {
      if (this.#connection !== connection) return;
      if (state.kind === 'ready') this.#hello(connection);
      if (state.kind === 'failed') this.#lost(state.message);
      // It said goodbye: what is on it may finish, and the next call makes a new one.
      if (state.kind === 'idle') this.#goodbye();
    };
    connection.connect();
  }

  #hello(connection: ClientConnection): void {
    const { clock, timers, self } = this.#parts;
    const client = new GrpcClient(connection, { clock, timers, authority: 'peer', messageBytesMax: HELLO_BYTES_MAX });
    greet(client, self, this.route, { clock, timeoutMs: HELLO_WITHIN_MS }).then(
      (met) => {
        if (this.#connection === connection) this.#met(met);
      },
      (error: unknown) => {
        if (this.#connection === connection) this.#lost(toMeshError(error).message);
      },
    );
  }

  #met(met: MetPeer): void {
    if (this.#phase.kind !== 'opening' && this.#phase.kind !== 'suspected') return;
    this.#answered();
    this.#enter({ kind: 'open', protocol: met.protocol });
    this.#owner.onLinkMet(this, met);
    if (this.#toldUnreachable) {
      this.#toldUnreachable = false;
      this.#owner.onLinkReachable(this, true, 'it answers again');
      this.#endReturn((waiter) => waiter.onPeerBack());
    }
    for (const waiter of this.#takeWaiters()) waiter.onLinkOpen();
  }

  #goodbye(): void {
    if (this.#phase.kind !== 'open') {
      this.#lost('it ended the connection');
      return;
    }
    // The next one may be refused, by a peer that ends in peace: that is no reason to give up what it is about to answer.
    if (this.#connection !== undefined && this.#inFlight > 0) this.#parting.add(this.#connection);
    this.#connection = undefined;
    this.#enter({ kind: 'idle' });
  }

  #answered(): void {
    this.#unanswered = 0;
    this.#excused = false;
  }

  #awaitHello(): Timer {
    return this.#parts.clock.after(HELLO_WITHIN_MS, () => this.#fellSilent(`it said no hello within ${HELLO_WITHIN_MS} ms`));
  }

  /** Nothing comes from there any more, on whatever connection. */
  #fellSilent(why: string): void {
    const parting = [...this.#parting];
    this.#parting.clear();
    this.#lost(why);
    for (const connection of parting) connection.close();
  }

  #endParting(): void {
    for (const connection of this.#parting) connection.close();
    this.#parting.clear();
  }

  #lost(why: string): void {
    const { kind } = this.#phase;
    if (kind === 'closed') return;
    const failures = this.#phase.kind === 'suspected' ? this.#phase.failures + 1 : 0;
    // Suspected before its calls hear of it, so that none of them comes back here.
    const timer = this.#retired ? undefined : this.#probeLater(failures);
    this.#enter({ kind: 'suspected', failures, asking: false, sinceMs: this.#parts.clock.monotonicMs(), timer });
    if (!this.#toldUnreachable) {
      this.#toldUnreachable = true;
      this.#silentSinceMs = this.#parts.clock.monotonicMs();
      this.#owner.onLinkReachable(this, false, why);
    }
    this.#drop();
    this.#failWaiters(`${this.route.instance} cannot be reached: ${why}`);
  }

  /** Nobody waits any more for it to answer again. */
  #endReturn(tell: (waiter: ReturnWaiter) => void): void {
    const waiters = [...this.#returnWaiters];
    this.#returnWaiters.clear();
    for (const [waiter, patience] of waiters) {
      patience.cancel();
      tell(waiter);
    }
  }

  /** Ever more slowly, but not while calls wait for the answer. */
  #probeLater(failures: number): Timer {
    const { clock, random } = this.#parts;
    const doublings = this.#returnWaiters.size > 0 ? 0 : Math.min(failures, 10);
    const pauseMs = Math.min(PROBE_PAUSE_MS_MAX, PROBE_PAUSE_MS * 2 ** doublings);
    return clock.after(durationMs(pauseMs * (0.5 + random.unit() / 2)), () => this.#probe());
  }

  #probe(): void {
    if (this.#phase.kind !== 'suspected') return;
    const { failures } = this.#phase;
    const { clock } = this.#parts;
    this.#enter({ kind: 'suspected', failures, asking: true, sinceMs: clock.monotonicMs(), timer: this.#awaitHello() });
    this.#connect();
  }

  #enter(phase: Phase): void {
    const before = this.#phase;
    if ('timer' in before) before.timer?.cancel();
    this.#phase = phase;
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#answered();
    connection?.close();
  }

  #failWaiters(message: string): void {
    for (const waiter of this.#takeWaiters()) waiter.onLinkFailed(message);
  }

  #takeWaiters(): LinkWaiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }

  /** How long a call of the model takes there, as far as is known. */
  latencyMs(model: ModelKey): DurationMs | null {
    return this.latencies.of(model);
  }
}
