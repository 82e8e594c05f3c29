import type { EndpointId } from '@modelmesh/core';
import type { TokenVerdict } from './port.ts';

/** A token that was verified. */
export interface RememberedToken {
  readonly text: string;
  readonly endpoint: EndpointId;
  readonly verdict: Extract<TokenVerdict, { readonly kind: 'verified' }>;
  /** Whether it came again since the hand passed. */
  used: boolean;
}

/**
 * Tokens that were verified, at most so many. A hand goes round and forgets the first one that did not come again since it passed: nearly the least
 * recently used, where a list in order of use would have to be changed by every call.
 */
export class TokenCache {
  readonly #max: number;
  readonly #known = new Map<string, RememberedToken>();
  readonly #ring: RememberedToken[] = [];
  #hand = 0;
  #forgotten = 0;

  /** @param max at least 1 */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Tokens that had to make room for others, since the start. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get(text: string): RememberedToken | undefined {
    const found = this.#known.get(text);
    if (found !== undefined) found.used = true;
    return found;
  }

  put(token: RememberedToken): void {
    if (this.#known.has(token.text)) return;
    this.#known.set(token.text, token);
    if (this.#ring.length < this.#max) {
      this.#ring.push(token);
      return;
    }
    for (;;) {
      const at = this.#hand;
      this.#hand = (at + 1) % this.#max;
      const old = this.#ring[at];
      if (old?.used === true) {
        old.used = false;
        continue;
      }
      if (old !== undefined) this.#known.delete(old.text);
      this.#forgotten += 1;
      this.#ring[at] = token;
      return;
    }
  }

  clear(): void {
    this.#known.clear();
    this.#ring.length = 0;
    this.#hand = 0;
  }
}
