import type { Clock, Timer } from '@modelmesh/core';
import { durationMs, MeshError } from '@modelmesh/core';
import type {
  ByteStream,
  ClientConnection,
  ClientConnectionState,
  ConnectTarget,
  HeaderBlock,
  ResetCause,
  StreamHandler,
  StreamLimits,
} from '@modelmesh/grpc/stream';
import { Lane, type LaneOwner } from './lane.ts';
import type { Endpoint, Network } from './network.ts';
import { StreamEnd } from './stream-end.ts';

/** How long a connection may take to come up. */
const CONNECT_TIMEOUT_MS = durationMs(5000);

/** A request that waits for the connection. */
interface Queued {
  readonly end: StreamEnd;
  readonly headers: HeaderBlock;
  readonly hasEnd: boolean;
}

/** How a target is named in the network. */
export const addressOf = (target: ConnectTarget): string =>
  target.kind === 'unix' ? target.path : `${target.host}:${target.port}`;

/** A client's connection over the simulated network, with the states and ends of the one on `node:http2`. */
export class SimConnection implements ClientConnection, LaneOwner {
  onState: ((state: ClientConnectionState) => void) | undefined = undefined;
  readonly #network: Network;
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #address: string;
  readonly #limits: StreamLimits;
  readonly #queue: Queued[] = [];
  readonly #lanes = new Set<Lane>();
  /** Streams that wait for a connection. */
  readonly #early = new Set<StreamEnd>();
  #state: ClientConnectionState = { kind: 'idle' };
  #lane: Lane | undefined;
  #timer: Timer | undefined;
  #epoch = 0;
  #attempt = 0;

  constructor(network: Network, endpoint: Endpoint, clock: Clock, target: ConnectTarget, limits: StreamLimits) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#address = addressOf(target);
    this.#limits = limits;
  }

  get state(): ClientConnectionState {
    return this.#state;
  }

  open(headers: HeaderBlock, hasEnd: boolean, handler: StreamHandler): ByteStream {
    if (this.#queue.length >= this.#limits.queuedStreamsMax && this.#lane === undefined) {
      const message = `${this.#limits.queuedStreamsMax} calls already wait for a free stream to ${this.#address}`;
      throw new MeshError('overloaded', message);
    }
    const end: StreamEnd = new StreamEnd(
      `>${headers.get(':path') ?? ''}`,
      () => {
        for (const lane of this.#lanes) lane.clientOver(end);
        this.#early.delete(end);
      },
      handler,
    );
    if (this.#state.kind === 'closed') {
      queueMicrotask(() => end.finish({ kind: 'connect-failed', message: 'the connection was closed' }));
    } else if (this.#lane !== undefined) {
      this.#lane.open(end, headers, hasEnd, this.#early);
      if (hasEnd) end.requestHasNoBody('client');
    } else {
      this.#queue.push({ end, headers, hasEnd });
      this.#early.add(end);
      this.connect();
    }
    return end;
  }

  connect(): void {
    if (this.#lane !== undefined || this.#state.kind === 'connecting' || this.#state.kind === 'closed') return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { world, weather, kernel } = this.#network;
    this.#timer = this.#clock.after(CONNECT_TIMEOUT_MS, () => this.#failed(attempt, `no answer came from ${this.#address}`));
    const delayMs = weather.delayMs(this.#endpoint.host, hostOf(this.#address, this.#endpoint.host));
    world.in(kernel, delayMs, `connect ${this.#address}`, () => this.#knock(attempt));
    this.#become({ kind: 'connecting' });
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    if (this.#lane === undefined) queueMicrotask(() => answered(null));
    else this.#lane.ping(answered);
  }

  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#become({ kind: 'closed' });
    this.#timer?.cancel();
    this.#lane = undefined;
    for (const { end } of this.#queue.splice(0)) end.finish({ kind: 'local-reset', code: 8 });
    for (const lane of [...this.#lanes]) lane.closeByClient();
    this.#lanes.clear();
  }

  laneGoesAway(): void {
    if (this.#lane === undefined) return;
    this.#lane = undefined;
    this.#become({ kind: 'idle' });
  }

  laneLost(message: string): void {
    if (this.#lane === undefined) return;
    this.#lane = undefined;
    this.#become({ kind: 'failed', message });
  }

  /** The SYN is at the other host. */
  #knock(attempt: number): void {
    const { world, weather } = this.#network;
    const listener = this.#network.listenerAt(this.#address);
    const there = typeof listener === 'object' ? listener.endpoint.host : hostOf(this.#address, this.#endpoint.host);
    if (listener === 'silent' || weather.isCut(this.#endpoint.host, there) || weather.isCut(there, this.#endpoint.host)) return;
    const backMs = weather.delayMs(there, this.#endpoint.host);
    if (listener === undefined || listener.draining) {
      world.in(this.#endpoint.actor, backMs, `refused ${this.#address}`, () =>
        this.#failed(attempt, `connect ECONNREFUSED ${this.#address}`),
      );
      return;
    }
    // A frozen process has a port that takes the connection, and says nothing on it.
    world.in(listener.endpoint.actor, 0, 'accept', () => {
      world.in(this.#endpoint.actor, backMs, `connected ${this.#address}`, () => this.#connected(attempt, listener));
    });
  }

  #connected(attempt: number, listener: Parameters<Network['unlisten']>[1]): void {
    if (attempt !== this.#attempt || this.#state.kind !== 'connecting') return;
    if (listener.endpoint.actor.state === 'dead' || listener.draining) {
      this.#failed(attempt, `connect ECONNRESET ${this.#address}`);
      return;
    }
    this.#timer?.cancel();
    const lane = new Lane(this.#network, this, this.#endpoint, listener);
    this.#lane = lane;
    this.#lanes.add(lane);
    this.#epoch += 1;
    this.#become({ kind: 'ready', epoch: this.#epoch });
    for (const { end, headers, hasEnd } of this.#queue.splice(0)) {
      if (end.over) continue;
      lane.open(end, headers, hasEnd, this.#early);
      if (hasEnd) end.requestHasNoBody('client');
    }
  }

  #failed(attempt: number, message: string): void {
    if (attempt !== this.#attempt || this.#state.kind !== 'connecting') return;
    this.#timer?.cancel();
    this.#become({ kind: 'failed', message });
    const cause: ResetCause = { kind: 'connect-failed', message };
    for (const { end } of this.#queue.splice(0)) end.finish(cause);
  }

  #become(state: ClientConnectionState): void {
    if (this.#state.kind === 'closed') return;
    this.#state = state;
    this.onState?.(state);
  }
}

/** The host in an address; a socket's path is on one's own. */
const hostOf = (address: string, own: string): string => (address.startsWith('/') ? own : (address.split(':')[0] ?? own));
