import { type Clock, durationMs, type EpochMs, sleep } from '@modelmesh/core';
import type { Scope } from '@modelmesh/core/scope';
import type { ControlEnd } from '../../link/index.ts';
import type { RegistryPulse, Session } from '../registry/index.ts';

/** How often it is looked whether the session has run out: nobody calls for that. */
const LOOK_MS = durationMs(1000);

/**
 * Whether this node hears of new policies. One that does not goes on by those that it has, and its answers say so: others may have taken over
 * new ones meanwhile.
 */
export class PolicyFreshness {
  readonly #clock: Clock;
  readonly #link: ControlEnd;
  readonly #pulse: RegistryPulse;
  readonly #session: Session;
  #follows = true;
  #started = false;
  #staleSinceMs: EpochMs | null = null;

  constructor(parts: {
    readonly clock: Clock;
    readonly link: ControlEnd;
    readonly pulse: RegistryPulse;
    readonly session: Session;
  }) {
    this.#clock = parts.clock;
    this.#link = parts.link;
    this.#pulse = parts.pulse;
    this.#session = parts.session;
  }

  /** Since when policies may be outdated; `null`: they are not. */
  get staleSinceMs(): EpochMs | null {
    return this.#staleSinceMs;
  }

  /** The watch was lost, or the registry is followed again. */
  follows(follows: boolean): void {
    this.#follows = follows;
    this.look();
  }

  /** Looks from time to time, as long as `scope` lasts. */
  start(scope: Scope): void {
    this.#started = true;
    this.look();
    scope.spawn('look whether policies are fresh', async (signal) => {
      for (;;) {
        await sleep(this.#clock, LOOK_MS, signal);
        this.look();
      }
    });
  }

  /** The registry may have become silent, or answer again: the data plane is told of a change. */
  look(): void {
    if (!this.#started) return;
    const isFresh = this.#follows && this.#pulse.away === undefined && this.#session.alive;
    if (isFresh === (this.#staleSinceMs === null)) return;
    this.#staleSinceMs = isFresh ? null : this.#clock.wallMs();
    this.#link.send({ kind: 'policy-freshness', staleSinceMs: this.#staleSinceMs });
  }
}
