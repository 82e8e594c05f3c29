import { type Clock, type EpochMs, epochMs } from '@modelmesh/core';
import type { PayloadValue, RequestFacts } from '@modelmesh/core/traffic';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { isInternalHeader } from '@modelmesh/wire/headers';
import type { Principal } from '../../authz/index.ts';

/** A call as it came in, as far as policies may know of it. */
export interface AskedCall {
  readonly headers: HeaderBlock;
  readonly principal: Principal;
  /** Without its query; of gRPC calls `/package.Service/Method`. */
  readonly path: string;
  readonly method: string;
  /** What follows the `?`; empty without one, and for gRPC calls. */
  readonly query: string;
  /** Whether it came over TLS. */
  readonly encrypted: boolean;
}

/** Declared payload fields that were found, by name. */
export type PayloadValues = ReadonlyMap<string, PayloadValue>;

/** Finds the unit of a call's token. */
export type TokenReader = (call: AskedCall) => string | undefined;

const NO_QUERY = new URLSearchParams();
const NO_VALUES: PayloadValues = new Map();
const NO_TOKEN: TokenReader = () => undefined;

const isHidden = (name: string): boolean => name.startsWith(':') || isInternalHeader(name);

/**
 * What policies read of one call after the other: one object for all calls of a worker, since picking never waits. Nothing is copied out of the call
 * and nothing is taken apart before an expression asks for it.
 */
export class CallFacts implements RequestFacts {
  readonly #clock: Clock;
  #call: AskedCall | undefined;
  #payload = NO_VALUES;
  #token = NO_TOKEN;
  #query: URLSearchParams | undefined;
  #nowMs = Number.NaN;
  #unit: string | undefined;
  #unitRead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The facts of `call` until the next one is read. */
  of(call: AskedCall, payload: PayloadValues | null, token: TokenReader | null): this {
    this.#call = call;
    this.#payload = payload ?? NO_VALUES;
    this.#token = token ?? NO_TOKEN;
    this.#query = undefined;
    this.#nowMs = Number.NaN;
    this.#unitRead = false;
    return this;
  }

  header(name: string): string | undefined {
    return isHidden(name) ? undefined : this.#call?.headers.joined(name);
  }

  headerNames(): readonly string[] {
    const raw = this.#call?.headers.raw() ?? [];
    const names = new Set<string>();
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at];
      if (name !== undefined && !isHidden(name)) names.add(name);
    }
    return [...names];
  }

  query(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined;
  }

  queryNames(): readonly string[] {
    return [...new Set(this.#parameters.keys())];
  }

  get path(): string {
    return this.#call?.path ?? '';
  }

  get method(): string {
    return this.#call?.method ?? '';
  }

  get tenant(): string {
    return this.#call?.principal.tenant ?? '';
  }

  get client(): string {
    return this.#call?.principal.subject ?? '';
  }

  /** The same for all expressions of a call. */
  get nowMs(): EpochMs {
    if (Number.isNaN(this.#nowMs)) this.#nowMs = this.#clock.wallMs();
    return epochMs(this.#nowMs);
  }

  payload(name: string): PayloadValue | undefined {
    return this.#payload.get(name);
  }

  get tokenUnit(): string | undefined {
    if (!this.#unitRead && this.#call !== undefined) {
      this.#unit = this.#token(this.#call);
      this.#unitRead = true;
    }
    return this.#unitRead ? this.#unit : undefined;
  }

  get #parameters(): URLSearchParams {
    const text = this.#call?.query ?? '';
    if (text === '') return NO_QUERY;
    this.#query ??= new URLSearchParams(text);
    return this.#query;
  }
}
