import { type Clock, type DurationMs, durationMs, type MonotonicMs } from '@modelmesh/core';
import { connectionToShed, smoothed } from '@modelmesh/core/workers';
import type { ServerConnection } from '@modelmesh/grpc/stream';

/** How long after a connection was asked to end its client is looked for among those that come. */
export const PLACING_MS: DurationMs = durationMs(2000);
/** How often one client is asked to come again, within that time, until it comes to another worker. */
export const PLACINGS_MAX = 8;

/** A client that was asked to connect anew, and may come back to the same worker. */
interface Placing {
  readonly address: string;
  readonly untilMs: number;
  left: number;
}

/**
 * The connections of one worker over all of its ports, with the streams of each, smoothed.
 *
 * The system gives each new connection to a worker by chance, so that a client that was asked to go comes back every other time where there are two
 * workers. Then it is asked again at once: left to chance alone, two of four connections would need more than half a minute in one of eight cases.
 */
export class ConnectionLoads {
  readonly #clock: Clock;
  /** Those that may be asked to end. */
  readonly #loads = new Map<ServerConnection, number>();
  readonly #leaving = new Set<ServerConnection>();
  #sampledMs: MonotonicMs | null = null;
  #placing: Placing | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A client connected. */
  add(connection: ServerConnection): void {
    const placing = this.#placing;
    if (placing?.address === connection.info.remoteAddress && placing.left > 0 && this.#clock.monotonicMs() < placing.untilMs) {
      placing.left -= 1;
      this.#leave(connection);
    } else {
      this.#loads.set(connection, 0);
    }
  }

  remove(connection: ServerConnection): void {
    this.#loads.delete(connection);
    this.#leaving.delete(connection);
  }

  /** Looks at all connections; returns the streams that are open now. */
  sample(): number {
    const nowMs = this.#clock.monotonicMs();
    const passedMs = this.#sampledMs === null ? 0 : nowMs - this.#sampledMs;
    this.#sampledMs = nowMs;
    let streams = 0;
    for (const [connection, load] of this.#loads) {
      streams += connection.streamCount;
      this.#loads.set(connection, smoothed(load, connection.streamCount, passedMs));
    }
    for (const { streamCount } of this.#leaving) streams += streamCount;
    return streams;
  }

  /** Asks one connection to end in good order. False: none whose leaving would help. @param othersMean the load of the other workers, in streams */
  shed(othersMean: number): boolean {
    const connections = [...this.#loads.keys()];
    const at = connectionToShed([...this.#loads.values()], othersMean);
    const connection = at === null ? undefined : connections[at];
    if (connection === undefined) return false;
    const untilMs = this.#clock.monotonicMs() + PLACING_MS;
    this.#placing = { address: connection.info.remoteAddress, untilMs, left: PLACINGS_MAX };
    this.#loads.delete(connection);
    this.#leave(connection);
    return true;
  }

  #leave(connection: ServerConnection): void {
    this.#leaving.add(connection);
    connection.drain();
  }
}
