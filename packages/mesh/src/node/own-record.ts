import { durationMs, type MonotonicMs, type SizeUnits, sizeUnits } from '@modelmesh/core';
import { minSpaceUnits, publishReason } from '@modelmesh/core/cluster';
import { type InstanceRecord, instanceRecordKey, newInstanceRecord } from '@modelmesh/core/records';
import { recordKeyText } from '@modelmesh/wire/registry';
import type { LocalCopies } from './copies/index.ts';
import type { ControlSetup } from './start-control.ts';

/** What this instance says of itself: as it is now, and as the others are told. */
export class OwnRecord {
  readonly startedAtMs: InstanceRecord['startedAtMs'];
  /** Where it stands in the registry. */
  readonly key: string;
  copies: LocalCopies | undefined;
  /** About to leave. */
  leaving = false;
  /** Calls a minute, or the share of time that the runtime is busy. */
  busyness: () => number = () => 0;
  readonly #setup: ControlSetup;
  readonly #defaultUnits: () => SizeUnits;
  #published: { readonly record: InstanceRecord; readonly atMs: MonotonicMs; readonly life: number } | undefined;

  constructor(setup: ControlSetup, defaultUnits: () => SizeUnits) {
    this.#setup = setup;
    this.#defaultUnits = defaultUnits;
    this.startedAtMs = setup.clock.wallMs();
    this.key = recordKeyText(setup.layout, instanceRecordKey(setup.instance));
  }

  /** From now on it says that the instance leaves. */
  leaves(touch: () => void): void {
    this.leaving = true;
    touch();
  }

  /** As it is now. */
  record(): InstanceRecord {
    const { instance, location, zone, labels, runtime, peerAddress, incarnation, buildVersion } = this.#setup;
    const summary = this.copies?.cache.summary();
    return newInstanceRecord({
      id: instance,
      startedAtMs: this.startedAtMs,
      buildVersion,
      location,
      zone,
      labels,
      leastRecentUseMs: summary?.oldestUseMs ?? undefined,
      modelCount: summary?.copies ?? 0,
      capacityUnits: summary?.effectiveUnits ?? sizeUnits(0),
      usedUnits: summary?.usedUnits ?? sizeUnits(0),
      loadingThreads: runtime.state.kind === 'ready' ? runtime.state.facts.loadingConcurrency : 1,
      loadsInProgress: (summary?.loadsQueued ?? 0) + (summary?.loadsRunning ?? 0),
      requestsPerMinute: this.busyness(),
      shuttingDown: this.leaving,
      peerAddress: peerAddress ?? undefined,
      incarnation,
    });
  }

  /** As it is to stand in the registry in the session's life of this number: changes that would alter no decision are left out. */
  toPublish(life: number): InstanceRecord {
    const { clock } = this.#setup;
    const current = this.record();
    const nowMs = clock.monotonicMs();
    const before = this.#published?.life === life ? this.#published : undefined;
    const { capacityUnits, loadingThreads } = current;
    const reason = publishReason(before?.record, current, {
      sinceMs: durationMs(nowMs - (before?.atMs ?? nowMs)),
      nowMs: clock.wallMs(),
      minSpaceUnits: minSpaceUnits(capacityUnits, loadingThreads, this.#defaultUnits()),
    });
    if (reason === null && before !== undefined) return before.record;
    this.#published = { record: current, atMs: nowMs, life };
    return current;
  }
}
