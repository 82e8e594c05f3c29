import { durationMs, MeshError } from '@modelmesh/core';
import { keepBeyondTurn } from '@modelmesh/grpc/stream';
import type { BodyLimits } from './port.ts';

/** What a body's buffer starts with; a length that is only announced reserves no more. */
const FIRST_BYTES_MAX = 65_536;
const RETRY_AFTER_MS = durationMs(1000);
const NOTHING: Uint8Array = new Uint8Array(0);

/** Puts the pieces of one body together, within its limit and the worker's budget. */
export class BodyCollector {
  readonly #limits: BodyLimits;
  /** `content-length`; -1 where none was sent. */
  readonly #announced: number;
  #buffer = NOTHING;
  #filled = 0;

  constructor(limits: BodyLimits, announcedBytes: number) {
    this.#limits = limits;
    this.#announced = announcedBytes;
  }

  /** Why the announced length alone is reason to refuse. */
  refusal(): MeshError | undefined {
    return this.#announced > this.#limits.bytesMax ? this.#tooLarge(`${this.#announced} bytes`) : undefined;
  }

  /**
   * Takes the next bytes; what comes back says why they are refused. `owned`: they are never written again, so that a body in one piece need
   * not be copied.
   */
  push(bytes: Uint8Array, owned: boolean): MeshError | undefined {
    return this.#take(bytes, owned && this.#filled === 0 && bytes.length === this.#announced);
  }

  /** Takes a body that came in one piece, as {@link push}; not copied unless it would keep a much larger buffer. `bytes` stay as they are until the end. */
  pushWhole(bytes: Uint8Array): MeshError | undefined {
    return this.#take(bytes, this.#filled === 0);
  }

  #take(bytes: Uint8Array, isWhole: boolean): MeshError | undefined {
    const needed = this.#filled + bytes.length;
    if (needed > this.#limits.bytesMax) return this.#tooLarge(`more than ${this.#limits.bytesMax} bytes`);
    if (!this.#limits.budget.take(bytes.length)) {
      const sentence = 'the bodies that are held on this node have reached their limit; try again later';
      return new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
    }
    if (isWhole) this.#buffer = keepBeyondTurn(bytes);
    else this.#append(bytes, needed);
    this.#filled = needed;
    return undefined;
  }

  /** Bytes that have arrived. */
  get filled(): number {
    return this.#filled;
  }

  /** The body, once; its bytes stay booked until {@link release}. */
  take(): Uint8Array {
    const body = this.#filled === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#filled);
    this.#buffer = NOTHING;
    return body;
  }

  /** Gives back to the budget what was taken. */
  release(): void {
    this.#limits.budget.give(this.#filled);
    this.#filled = 0;
    this.#buffer = NOTHING;
  }

  #append(bytes: Uint8Array, needed: number): void {
    if (needed > this.#buffer.length) {
      const doubled = Math.max(needed, 2 * this.#buffer.length, Math.min(this.#announced, FIRST_BYTES_MAX));
      const grown = Buffer.allocUnsafeSlow(this.#announced < needed ? doubled : Math.min(doubled, this.#announced));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#filled);
  }

  #tooLarge(what: string): MeshError {
    return new MeshError('too-large', `the body has ${what}; the limit is ${this.#limits.bytesMax} bytes (restBodyBytesMax)`);
  }
}
