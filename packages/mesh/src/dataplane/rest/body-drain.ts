import { type DurationMs, MeshError, monotonicMs } from '@modelmesh/core';
import type { WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { Plane } from '../call/index.ts';

/** An exchange whose body is on its way. */
export interface BodyReader {
  /** The node drains and the rest of the body is not waited for. Not called after {@link BodyDrain.ended}. */
  onBodyLate(error: MeshError): void;
}

/**
 * Bodies that are on their way while the node drains: from then on each has only so long to come to its end. A client that trickles, or that
 * said it would send and does not, would keep a node that shuts down for its whole grace.
 */
export class BodyDrain {
  readonly #plane: Pick<Plane, 'clock' | 'deadlines'>;
  readonly #readers = new Map<BodyReader, WheelTimer | undefined>();
  #limitMs: DurationMs | undefined;

  constructor(plane: Pick<Plane, 'clock' | 'deadlines'>) {
    this.#plane = plane;
  }

  /** Exchanges that read now. */
  get reading(): number {
    return this.#readers.size;
  }

  /** The exchange begins to read. */
  begins(reader: BodyReader): void {
    this.#readers.set(reader, this.#limitMs === undefined ? undefined : this.#timerOf(reader, this.#limitMs));
  }

  /** The body is complete, or nobody waits for it. */
  ended(reader: BodyReader): void {
    const timer = this.#readers.get(reader);
    if (timer !== undefined) this.#plane.deadlines.cancel(timer);
    this.#readers.delete(reader);
  }

  /** The node drains: bodies get `limitMs` more, those that begin to be read later as much from then on. */
  drain(limitMs: DurationMs): void {
    if (this.#limitMs !== undefined) return;
    this.#limitMs = limitMs;
    for (const reader of this.#readers.keys()) this.#readers.set(reader, this.#timerOf(reader, limitMs));
  }

  #timerOf(reader: BodyReader, limitMs: DurationMs): WheelTimer {
    const at = monotonicMs(this.#plane.clock.monotonicMs() + limitMs);
    return this.#plane.deadlines.add(at, {
      expired: () => {
        this.#readers.delete(reader);
        reader.onBodyLate(new MeshError('unavailable', 'the node is shutting down, and the body did not arrive in time'));
      },
    });
  }
}
