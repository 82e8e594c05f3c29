import { type DurationMs, durationMs, type EndpointId } from '@modelmesh/core';
import type { Pick, PickReason } from '@modelmesh/core/traffic';
import type { RuleLimitLabel, VariantLimitLabel, VariantPlaces } from '../../link/index.ts';

/** Why a call got its variant, in a word. */
export type VariantReason = PickReason['kind'];

/** Where calls of one variant are measured. */
export interface VariantSink {
  /** The variant was picked for a call. */
  picked(reason: VariantReason): void;
  /** A call for which it was picked is over, with this gRPC code, or another variant goes on with it. */
  ended(code: number, tookMs: DurationMs): void;
  /** There is no such variant any more. */
  forget(): void;
}

/** Measures nothing. */
export const NO_SINK: VariantSink = { picked: () => {}, ended: () => {}, forget: () => {} };

/** What a {@link VariantBook} stands on. */
export interface VariantBookParts {
  readonly worker: number;
  /** Shared with the other workers of the node. */
  readonly places: VariantPlaces;
  readonly sinkOf: (endpoint: EndpointId, variant: string) => VariantSink;
  /** A limit of variants or of rules was reached. */
  readonly onLimit: (limit: RuleLimitLabel | VariantLimitLabel) => void;
}

/** Stands between the names of an endpoint and a variant, and in neither. */
const BETWEEN = '\0';

/** Calls of one variant in one worker. */
export class VariantCalls {
  readonly endpoint: EndpointId;
  readonly variant: string;
  readonly #parts: VariantBookParts;
  readonly #sink: VariantSink;
  #inFlight = 0;
  /** Calls that count at the shared place. */
  #placed = 0;
  #place: number | undefined;

  constructor(endpoint: EndpointId, variant: string, parts: VariantBookParts) {
    this.endpoint = endpoint;
    this.variant = variant;
    this.#parts = parts;
    this.#sink = parts.sinkOf(endpoint, variant);
  }

  /** Calls of this worker that run or wait now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call begins; false: as many run on this node already as may. */
  enter({ variant: { concurrencyMax }, reason }: Pick): boolean {
    this.#sink.picked(reason.kind);
    if (concurrencyMax !== null && !this.#mayRun(concurrencyMax)) {
      this.#parts.onLimit('variants.concurrencyMax');
      return false;
    }
    this.#inFlight += 1;
    return true;
  }

  /** A call that was let in is over. */
  leave(): void {
    this.#inFlight -= 1;
    // Which of the calls counts there says nothing: as many are given back as were taken.
    if (this.#placed === 0 || this.#place === undefined) return;
    this.#placed -= 1;
    this.#parts.places.leave(this.#parts.worker, this.#place);
  }

  /** A call that began, let in or not, has ended with this gRPC code. */
  ended(code: number, tookMs: DurationMs): void {
    this.#sink.ended(code, tookMs);
  }

  /** It was picked for a call, and left for another one before it was called. */
  passedOver({ reason }: Pick, code: number): void {
    this.#sink.picked(reason.kind);
    this.#sink.ended(code, durationMs(0));
  }

  /** There is no such variant any more. */
  forget(): void {
    this.#sink.forget();
  }

  #mayRun(max: number): boolean {
    const { worker, places } = this.#parts;
    this.#place ??= places.placeOf(`${this.endpoint}${BETWEEN}${this.variant}`);
    // Without a place in what workers share, each counts for itself.
    if (this.#place < 0) return this.#inFlight < max;
    // Calls that began before there was a limit count too.
    if (this.#inFlight - this.#placed + places.running(this.#place) >= max) return false;
    if (!places.enter(worker, this.#place, max)) return false;
    this.#placed += 1;
    return true;
  }
}

/** The calls of all variants in one worker. They outlive the revisions of the policies: a call that began under one ends under another. */
export class VariantBook {
  readonly #parts: VariantBookParts;
  readonly #calls = new Map<EndpointId, Map<string, VariantCalls>>();

  constructor(parts: VariantBookParts) {
    this.#parts = parts;
  }

  /** Variants that are known. */
  get size(): number {
    let size = 0;
    for (const variants of this.#calls.values()) size += variants.size;
    return size;
  }

  /** Endpoints whose variants are known. */
  endpoints(): Iterable<EndpointId> {
    return this.#calls.keys();
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
      calls = new VariantCalls(endpoint, variant, this.#parts);
      variants.set(variant, calls);
    }
    return calls;
  }

  /** Forgets the variants of an endpoint that have no calls, `kept` aside. */
  forget(endpoint: EndpointId, kept: ReadonlySet<string>): void {
    const variants = this.#calls.get(endpoint);
    if (variants === undefined) return;
    for (const [name, calls] of variants) {
      if (calls.inFlight > 0 || kept.has(name)) continue;
      calls.forget();
      variants.delete(name);
    }
    if (variants.size === 0) this.#calls.delete(endpoint);
  }
}
