import { type Clock, type DurationMs, durationMs, type MonotonicMs, sleep, toMeshError } from '@modelmesh/core';
import { type InstanceRecord, instanceRecordKey } from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import { encodeRecord, type RegistryLayout, recordKeyText } from '@modelmesh/wire/registry';
import type { Kv, LeaseId } from '../kv/index.ts';

/** Life of the record after the last sign of life (spec `modelmesh.md` §3.1). */
const LEASE_TTL_MS = durationMs(20_000);
const KEEP_ALIVE_MS = durationMs(5000);
/** Publications are at least this far apart (spec `modelmesh.md` §3.4). */
const PUBLISH_MIN_MS = durationMs(2000);

/** Keeps this instance's record in the registry while it lives, and true within seconds. */
export class InstancePublisher {
  readonly #kv: Kv;
  readonly #layout: RegistryLayout;
  readonly #clock: Clock;
  readonly #record: () => InstanceRecord;
  readonly #onProblem: (message: string) => void;
  #lease: LeaseId | undefined;
  #published = '';
  #aliveMs: MonotonicMs | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #dirty = true;
  #stopped = false;

  constructor(parts: {
    readonly kv: Kv;
    readonly layout: RegistryLayout;
    readonly clock: Clock;
    readonly record: () => InstanceRecord;
    readonly onProblem: (message: string) => void;
  }) {
    this.#kv = parts.kv;
    this.#layout = parts.layout;
    this.#clock = parts.clock;
    this.#record = parts.record;
    this.#onProblem = parts.onProblem;
  }

  /** Publishes for the first time, then goes on inside `scope`. */
  async start(scope: Scope): Promise<void> {
    await this.#publish();
    scope.spawn('publish instance record', async (signal) => {
      for (;;) {
        await sleep(this.#clock, PUBLISH_MIN_MS, signal);
        if (this.#stopped) return;
        this.#ticking = this.#tick();
        await this.#ticking;
      }
    });
  }

  /** The record may have changed. */
  touch(): void {
    this.#dirty = true;
  }

  /** Takes the record back, and publishes it no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ticking;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined)
      await this.#kv.revokeLease(lease).catch((error: unknown) => this.#onProblem(toMeshError(error).message));
  }

  /** The lease lives by its own calls, not by publications: a node that changes all the time needs it no less. */
  async #tick(): Promise<void> {
    try {
      if (this.#lease !== undefined && this.#sinceAliveMs() >= KEEP_ALIVE_MS) await this.#keepAlive(this.#lease);
      if (this.#dirty || this.#lease === undefined) await this.#publish();
    } catch (error) {
      this.#onProblem(toMeshError(error).message);
    }
  }

  #sinceAliveMs(): DurationMs {
    return durationMs(this.#clock.monotonicMs() - (this.#aliveMs ?? 0));
  }

  async #publish(): Promise<void> {
    const record = this.#record();
    const value = encodeRecord(record);
    if (value === this.#published && this.#lease !== undefined) {
      this.#dirty = false;
      return;
    }
    if (this.#lease === undefined) {
      this.#lease = (await this.#kv.grantLease(LEASE_TTL_MS)).id;
      this.#aliveMs = this.#clock.monotonicMs();
    }
    const key = recordKeyText(this.#layout, instanceRecordKey(record.id));
    this.#dirty = false;
    const outcome = await this.#kv.txn({ conditions: [], operations: [{ kind: 'put', key, value, lease: this.#lease }] });
    if (outcome.kind === 'committed') {
      this.#published = value;
      return;
    }
    this.#dirty = true;
    if (outcome.kind === 'lease-gone') this.#lease = undefined;
  }

  async #keepAlive(lease: LeaseId): Promise<void> {
    const { kind } = await this.#kv.keepAlive(lease);
    if (kind === 'alive') this.#aliveMs = this.#clock.monotonicMs();
    else this.#lease = undefined;
  }
}
