import { MeshError } from '@modelmesh/core';

/**
 * Whether the registry answers, by the last that was heard of it. While it does not, what cannot be done without it is refused at once instead
 * of being tried and waited for.
 */
export class RegistryPulse {
  readonly #mayBeAway: boolean;
  #error: MeshError | undefined;
  /** It answers no more. A watch need not end for that: it may go on later where it was. */
  onAway: () => void = () => {};
  /** It answers again. */
  onBack: () => void = () => {};

  /**
   * `mayBeAway`: several instances share it over a network. A registry of this machine alone answers at once, also where it refuses, and may
   * take the next write: it is never away, and each write is tried.
   */
  constructor(mayBeAway: boolean) {
    this.#mayBeAway = mayBeAway;
  }

  /** Why nothing can be written now; `undefined` while the registry answers. */
  get away(): MeshError | undefined {
    return this.#error;
  }

  /** It answered. */
  heard(): void {
    if (this.#error === undefined) return;
    this.#error = undefined;
    this.onBack();
  }

  /** A call of it failed; only one that shows that it is away counts. */
  failed(error: MeshError): void {
    if (!this.#mayBeAway || error.kind !== 'registry-unavailable') return;
    const wasAway = this.#error !== undefined;
    this.#error = error;
    if (!wasAway) this.onAway();
  }

  /** The error of what would have to be written. @param what is refused, in words that follow "…: " */
  refusal(what: string): MeshError | undefined {
    return this.#error === undefined ? undefined : unreached(this.#error, what);
  }
}

/** What is not loaded while the registry is away, in words that follow "the registry cannot be reached, ". */
export const NO_FIRST_LOAD = 'and a model without a copy is not loaded until it is back';

/** The error of what could not be written, as whoever wanted it is told. */
export function unreached(error: MeshError, what: string): MeshError {
  return new MeshError('registry-unavailable', `the registry cannot be reached, ${what} (${error.message})`);
}
