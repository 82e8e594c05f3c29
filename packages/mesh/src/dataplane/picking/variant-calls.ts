import type { DurationMs, EndpointId } from '@modelmesh/core';
import type { Pick } from '@modelmesh/core/traffic';

/** Calls of one variant in one worker. */
export class VariantCalls {
  readonly endpoint: EndpointId;
  readonly variant: string;
  #inFlight = 0;

  constructor(endpoint: EndpointId, variant: string) {
    this.endpoint = endpoint;
    this.variant = variant;
  }

  /** Calls that run or wait now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call begins; false: as many run already as may. */
  enter({ variant: { concurrencyMax } }: Pick): boolean {
    if (concurrencyMax !== null && this.#inFlight >= concurrencyMax) return false;
    this.#inFlight += 1;
    return true;
  }

  /** A call that began, or was not let in, has ended with this gRPC code. */
  ended(_code: number, _tookMs: DurationMs): void {}

  /** A call is over. */
  leave(): void {
    this.#inFlight -= 1;
  }
}

/** The calls of all variants in one worker. They outlive the revisions of the policies: a call that began under one ends under another. */
export class VariantBook {
  readonly #calls = new Map<EndpointId, Map<string, VariantCalls>>();

  /** Variants that are known. */
  get size(): number {
    let size = 0;
    for (const variants of this.#calls.values()) size += variants.size;
    return size;
  }

  /** Those of a variant. */
  of(endpoint: EndpointId, variant: string): VariantCalls {
    let variants = this.#calls.get(endpoint);
    if (variants === undefined) {
      variants = new Map();
      this.#calls.set(endpoint, variants);
    }
    let calls = variants.get(variant);
    if (calls === undefined) {
      calls = new VariantCalls(endpoint, variant);
      variants.set(variant, calls);
    }
    return calls;
  }

  /** Forgets the variants of an endpoint that have no calls, `kept` aside. */
  forget(endpoint: EndpointId, kept: ReadonlySet<string>): void {
    const variants = this.#calls.get(endpoint);
    if (variants === undefined) return;
    for (const [name, { inFlight }] of variants) if (inFlight === 0 && !kept.has(name)) variants.delete(name);
    if (variants.size === 0) this.#calls.delete(endpoint);
  }
}
