import { type Clock, type DurationMs, durationMs, type MonotonicMs, sleep, toMeshError } from '@modelmesh/core';
import type { Scope } from '@modelmesh/core/scope';
import type { Kv, KvTxnOutcome, LeaseId } from '../../kv/index.ts';
import type { RegistryPulse } from './registry-pulse.ts';

/** Life of a session after the last sign of life (spec `modelmesh.md` §3.1). */
export const LEASE_TTL_MS = durationMs(20_000);
const KEEP_ALIVE_MS = durationMs(5000);
/** What a session holds is written again at most this often (spec `modelmesh.md` §3.4). */
const PUBLISH_MIN_MS = durationMs(2000);

/** A key that lives as long as its session. */
export interface SessionKey {
  readonly key: string;
  /** What is to stand there in the session's life of this number. */
  readonly value: (life: number) => string;
}

interface Held extends SessionKey {
  dirty: boolean;
  /** What was written last in this life; `undefined`: nothing. */
  written: string | undefined;
}

/**
 * This node's life in the registry: one lease and the keys under it. A lease that is gone never comes back: the keys are written again under a
 * new one, and the session's life has a new number, so that whatever was claimed in the old one is known to be stale.
 */
export class Session {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #onProblem: (message: string) => void;
  readonly #pulse: RegistryPulse;
  readonly #keys = new Map<string, Held>();
  #lease: LeaseId | undefined;
  #life = 0;
  #aliveMs: MonotonicMs | undefined;
  #working: Promise<void> = Promise.resolve();
  #stopped = false;
  /** It counted as ended, because the registry had not been heard of for the lease's time, and counts again. */
  onRevived: () => void = () => {};

  constructor(parts: {
    readonly kv: Kv;
    readonly clock: Clock;
    readonly pulse: RegistryPulse;
    readonly onProblem: (message: string) => void;
  }) {
    this.#pulse = parts.pulse;
    this.#kv = parts.kv;
    this.#clock = parts.clock;
    this.#onProblem = parts.onProblem;
  }

  /** The number of this life; 0 before the first. */
  get life(): number {
    return this.#life;
  }

  /** Whether the registry was heard of within the lease's time, so that what stands there is still true. */
  get alive(): boolean {
    return this.#lease !== undefined && this.#sinceAliveMs() < LEASE_TTL_MS;
  }

  /** Holds a key from the next publication on. */
  hold(key: SessionKey): void {
    this.#keys.set(key.key, { ...key, dirty: true, written: undefined });
  }

  /** Publishes for the first time, then goes on inside `scope`; once that has ended nothing is written any more. */
  async start(scope: Scope): Promise<void> {
    scope.signal.addEventListener('abort', () => this.#end(), { once: true });
    await this.#publish();
    scope.spawn('keep the session', async (signal) => {
      for (;;) {
        await sleep(this.#clock, PUBLISH_MIN_MS, signal);
        if (this.#stopped) return;
        await this.#inOrder(() => this.#tick());
      }
    });
  }

  /** What stands at `key` may have changed. */
  touch(key: string): void {
    const held = this.#keys.get(key);
    if (held !== undefined) held.dirty = true;
  }

  /** Writes what stands at one key at once, and nothing else: others keep to their pace. Resolves when it was tried. */
  async write(key: string): Promise<void> {
    this.touch(key);
    // Before the first publication it is part of that.
    if (this.#stopped || this.#lease === undefined) return;
    await this.#inOrder(() => this.#tried(() => this.#publish(key)));
  }

  /** The registry says that nothing stands at `key`: it is written again at once (spec `modelmesh.md` §3.4). */
  keyVanished(key: string): void {
    const held = this.#keys.get(key);
    if (held?.written === undefined) return;
    held.written = undefined;
    void this.flush();
  }

  /** Writes what changed at once; resolves when it was tried. */
  async flush(): Promise<void> {
    if (!this.#stopped) await this.#inOrder(() => this.#tick());
  }

  /** Takes everything back. */
  async stop(): Promise<void> {
    this.#end();
    await this.#working;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined)
      await this.#kv.revokeLease(lease).catch((error: unknown) => this.#onProblem(toMeshError(error).message));
  }

  #end(): void {
    this.#stopped = true;
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working.then(work);
    return this.#working;
  }

  /** The lease lives by its own calls, not by publications: a node that changes all the time needs it no less. */
  #tick(): Promise<void> {
    return this.#tried(async () => {
      const isDue = this.#sinceAliveMs() >= KEEP_ALIVE_MS || this.#pulse.away !== undefined;
      if (this.#lease !== undefined && isDue) await this.#keepAlive(this.#lease);
      await this.#publish();
    });
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const problem = toMeshError(error);
      this.#pulse.failed(problem);
      this.#onProblem(problem.message);
    }
  }

  #sinceAliveMs(): DurationMs {
    return durationMs(this.#clock.monotonicMs() - (this.#aliveMs ?? 0));
  }

  /** @param only the one key that is written; all without it */
  async #publish(only?: string): Promise<void> {
    const lease = this.#lease ?? (await this.#grant());
    const life = this.#life;
    const changed = [...this.#keys.values()].flatMap((held) => {
      if (only !== undefined && held.key !== only) return [];
      if (!held.dirty && held.written !== undefined) return [];
      const value = held.value(life);
      held.dirty = false;
      return value === held.written ? [] : [{ held, value }];
    });
    if (changed.length === 0) return;
    const outcome = await this.#written(changed, lease);
    if (outcome === 'lease-gone') this.#lost();
  }

  /** Writes; what was not written stays to be written, however that failed. */
  async #written(
    changed: readonly { readonly held: Held; readonly value: string }[],
    lease: LeaseId,
  ): Promise<KvTxnOutcome['kind']> {
    const operations = changed.map(({ held, value }) => ({ kind: 'put' as const, key: held.key, value, lease }));
    let written = false;
    try {
      const { kind } = await this.#kv.txn({ conditions: [], operations });
      written = kind === 'committed';
      return kind;
    } finally {
      for (const { held, value } of changed) {
        if (written) held.written = value;
        else held.dirty = true;
      }
    }
  }

  async #grant(): Promise<LeaseId> {
    // The lease runs from when the registry was asked at the earliest, not from when its answer was read: a pause between the two is lost time.
    const askedMs = this.#clock.monotonicMs();
    const { id } = await this.#kv.grantLease(LEASE_TTL_MS);
    this.#lease = id;
    this.#life += 1;
    this.#aliveMs = askedMs;
    this.#pulse.heard();
    return id;
  }

  async #keepAlive(lease: LeaseId): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    const { kind } = await this.#kv.keepAlive(lease);
    this.#pulse.heard();
    if (kind !== 'alive') {
      this.#lost();
      return;
    }
    const wasAlive = this.alive;
    this.#aliveMs = askedMs;
    if (!wasAlive && this.alive) this.onRevived();
  }

  #lost(): void {
    this.#lease = undefined;
    for (const held of this.#keys.values()) held.written = undefined;
  }
}
