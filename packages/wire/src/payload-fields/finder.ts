import type { PayloadField } from '@modelmesh/core/records';
import type { PayloadValue } from '@modelmesh/core/traffic';

/** Bytes of a message or body in which declared fields are looked for, unless something else is said. */
export const PAYLOAD_SEARCH_BYTES_MAX = 65_536;

/**
 * Looks for declared fields in a payload that comes in pieces, without decoding it and without keeping it. What is found never depends on where
 * the pieces begin. The first place of a field counts; what is malformed ends the search, since whoever reads the payload will refuse it.
 */
export interface PayloadFinder {
  /** More of the payload. True once everything is decided; further bytes are ignored. */
  push(bytes: Uint8Array): boolean;
  /** The payload is complete: what was not found is not there. */
  end(): void;
  readonly decided: boolean;
  /** What was found so far, by name and in the declared types. */
  readonly values: ReadonlyMap<string, PayloadValue>;
  /** Whether the search ended at its limit with fields that were not found. */
  readonly truncated: boolean;
}

/** What finders of all forms have in common: the fields that are still open, the limit, the end. */
export abstract class BoundedFinder implements PayloadFinder {
  readonly values = new Map<string, PayloadValue>();
  #open: Set<PayloadField>;
  #decided = false;
  #truncated = false;
  #bytesLeft: number;

  constructor(fields: readonly PayloadField[], bytesMax: number) {
    this.#open = new Set(fields);
    this.#bytesLeft = bytesMax;
    this.#decided = fields.length === 0;
  }

  get decided(): boolean {
    return this.#decided;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  push(bytes: Uint8Array): boolean {
    if (this.#decided) return true;
    const within = bytes.length > this.#bytesLeft ? bytes.subarray(0, this.#bytesLeft) : bytes;
    this.#bytesLeft -= within.length;
    this.scan(within);
    if (!this.#decided && within.length < bytes.length) {
      this.#truncated = true;
      this.decide();
    }
    return this.#decided;
  }

  end(): void {
    this.decide();
  }

  /** Reads on, within the limit. */
  protected abstract scan(bytes: Uint8Array): void;

  /** Nothing more will be found. */
  protected decide(): void {
    this.#decided = true;
  }

  protected isOpen(field: PayloadField): boolean {
    return this.#open.has(field);
  }

  /** The field was met; `undefined`: with a value of another type. */
  protected settle(field: PayloadField, value: PayloadValue | undefined): void {
    if (!this.#open.delete(field)) return;
    if (value !== undefined) this.values.set(field.name, value);
    if (this.#open.size === 0) this.decide();
  }
}
