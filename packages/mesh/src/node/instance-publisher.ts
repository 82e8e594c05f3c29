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
  #publishedMs: MonotonicMs | undefined;
  #dirty = true;

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
        await this.#tick();
      }
    });
  }

  /** The record may have changed. */
  touch(): void {
    this.#dirty = true;
  }

  /** Takes the record back. */
  async stop(): Promise<void> {
    if (this.#lease !== undefined) await this.#kv.revokeLease(this.#lease).catch(() => {});
    this.#lease = undefined;
  }

  async #tick(): Promise<void> {
    try {
      if (this.#dirty) await this.#publish();
      else if (this.#sinceMs() >= KEEP_ALIVE_MS) await this.#keepAlive();
    } catch (error) {
      this.#onProblem(toMeshError(error).message);
    }
  }

  #sinceMs(): DurationMs {
    return durationMs(this.#clock.monotonicMs() - (this.#publishedMs ?? 0));
  }

  async #publish(): Promise<void> {
    const record = this.#record();
    const value = encodeRecord(record);
    this.#dirty = false;
    if (value === this.#published && this.#lease !== undefined) return;
    this.#lease ??= (await this.#kv.grantLease(LEASE_TTL_MS)).id;
    const key = recordKeyText(this.#layout, instanceRecordKey(record.id));
    const outcome = await this.#kv.txn({ conditions: [], operations: [{ kind: 'put', key, value, lease: this.#lease }] });
    if (outcome.kind === 'committed') {
      this.#published = value;
      this.#publishedMs = this.#clock.monotonicMs();
      return;
    }
    this.#dirty = true;
    if (outcome.kind === 'lease-gone') this.#lease = undefined;
  }

  async #keepAlive(): Promise<void> {
    if (this.#lease === undefined) return;
    const { kind } = await this.#kv.keepAlive(this.#lease);
    this.#publishedMs = this.#clock.monotonicMs();
    if (kind === 'alive') return;
    this.#lease = undefined;
    await this.#publish();
  }
}
