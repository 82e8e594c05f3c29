import type { ConnectionInfo, HeaderBlock, ResetCause, ServerConnection } from '@modelmesh/grpc/stream';
import type { Actor } from '../engine/index.ts';
import type { Endpoint, Network, SimListener } from './network.ts';
import type { Pipe } from './pipe.ts';
import { StreamEnd } from './stream-end.ts';

/** What the client's side of a connection hears of it. */
export interface LaneOwner {
  /** The server takes no new streams on it. */
  laneGoesAway(): void;
  /** It is gone. */
  laneLost(message: string): void;
}

const INFO: ConnectionInfo = { remoteAddress: 'simulated', encrypted: false, clientCertificate: undefined };

/** One connection that came up, from its client's process to its server's. */
export class Lane implements ServerConnection {
  readonly info = INFO;
  onClose: (() => void) | undefined = undefined;
  readonly #network: Network;
  readonly #owner: LaneOwner;
  readonly #client: Endpoint;
  readonly #listener: SimListener;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #clientEnds = new Set<StreamEnd>();
  readonly #serverEnds = new Set<StreamEnd>();
  readonly #pings = new Set<(roundTripMs: number | null) => void>();
  #closed = false;

  constructor(network: Network, owner: LaneOwner, client: Endpoint, listener: SimListener) {
    this.#network = network;
    this.#owner = owner;
    this.#client = client;
    this.#listener = listener;
    this.#up = network.pipe(client, listener.endpoint);
    this.#down = network.pipe(listener.endpoint, client);
    network.laneOpened(this);
    listener.lanes.add(this);
  }

  get streamCount(): number {
    return this.#serverEnds.size;
  }

  isOf(actor: Actor): boolean {
    return this.#client.actor === actor || this.#listener.endpoint.actor === actor;
  }

  /** Client: a stream sets off. */
  open(end: StreamEnd, headers: HeaderBlock, hasEnd: boolean, forget: Set<StreamEnd>): void {
    forget.delete(end);
    this.#clientEnds.add(end);
    const path = headers.get(':path') ?? '';
    const server = new StreamEnd(`<${path}`, () => this.#serverOver(server));
    server.joined(this.#down, end);
    this.#up.send(`open ${path}`, () => this.#accept(server, end, headers, hasEnd));
    end.joined(this.#up, server);
  }

  /** Client: a stream is over. */
  clientOver(end: StreamEnd): void {
    this.#clientEnds.delete(end);
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    const sentMs = this.#network.world.nowMs;
    this.#pings.add(answered);
    this.#up.send('ping', () =>
      this.#down.send('pong', () => {
        if (this.#pings.delete(answered)) answered(this.#network.world.nowMs - sentMs);
      }),
    );
  }

  /** Server: GOAWAY, then it ends by itself when the last stream is over. */
  drain(): void {
    this.#down.send('goaway', () => this.#owner.laneGoesAway());
    this.#endIfDrained();
  }

  /** Server: ends at once. */
  destroy(): void {
    this.broke(this.#listener.endpoint.actor);
  }

  /** Client: ends at once. */
  closeByClient(): void {
    if (this.#closed) return;
    const ends = [...this.#clientEnds];
    this.broke(this.#client.actor);
    for (const end of ends) end.finish({ kind: 'local-reset', code: 8 });
  }

  /** The connection is gone because that process ended it, or ended; the other one hears of it. */
  broke(by: Actor): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#up.close();
    this.#down.close();
    this.#listener.lanes.delete(this);
    this.#network.laneClosed(this);
    const { world, weather } = this.#network;
    const server = this.#listener.endpoint;
    const delayMs = weather.delayMs(server.host, this.#client.host);
    const lost: ResetCause = { kind: 'connection-lost', message: 'the connection was reset by the other side' };
    if (by !== this.#client.actor) world.in(this.#client.actor, delayMs, 'connection lost', () => this.#clientLost(lost));
    if (by !== server.actor) world.in(server.actor, delayMs, 'connection lost', () => this.#serverLost(lost));
  }

  #clientLost(cause: ResetCause): void {
    for (const answered of [...this.#pings]) answered(null);
    this.#pings.clear();
    this.#owner.laneLost('the connection was reset by the other side');
    for (const end of [...this.#clientEnds]) end.finish(cause);
  }

  #serverLost(cause: ResetCause): void {
    for (const end of [...this.#serverEnds]) end.finish(cause);
    this.onClose?.();
  }

  #accept(server: StreamEnd, client: StreamEnd, headers: HeaderBlock, hasEnd: boolean): void {
    if (this.#listener.draining) {
      this.#down.send('unprocessed', () => client.finish({ kind: 'unprocessed', why: 'goaway' }));
      return;
    }
    this.#serverEnds.add(server);
    server.handledBy(this.#listener.accept(server, headers, hasEnd, this));
    if (hasEnd) server.requestHasNoBody('server');
  }

  #serverOver(server: StreamEnd): void {
    this.#serverEnds.delete(server);
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#listener.draining || this.#serverEnds.size > 0 || this.#closed) return;
    // Behind everything that was sent on it.
    this.#down.send('closed', () => this.broke(this.#listener.endpoint.actor));
  }
}
