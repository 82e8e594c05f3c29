import { type Clock, DEFAULT_NAMESPACE, durationMs, type ModelKey, type MonotonicMs } from '@modelmesh/core';
import type { ModelRecord } from '@modelmesh/core/records';
import type { Dirty, RegistryView } from '@modelmesh/core/view';
import type { LocalCopies } from './local-copies.ts';
import type { Members } from './members.ts';
import type { Placing } from './placing.ts';

/** After another instance was asked for a copy, nothing more is asked for this long: its claim may still be on the way. */
const PATIENCE_MS = durationMs(10_000);

/** Copies that owners want whether anybody calls or not (`copies.min`). The leader sees to them. */
export class Minimums {
  readonly #parts: {
    readonly view: RegistryView;
    readonly clock: Clock;
    readonly members: Members;
    readonly copies: LocalCopies;
    readonly placing: Placing;
    readonly leads: () => boolean;
  };
  /** Models with a minimum, whether they were asked for as if they were used just then, and when another instance was asked last. */
  readonly #wanted = new Map<ModelKey, { asked: boolean; elsewhereMs: MonotonicMs | undefined }>();

  constructor(parts: {
    readonly view: RegistryView;
    readonly clock: Clock;
    readonly members: Members;
    readonly copies: LocalCopies;
    readonly placing: Placing;
    readonly leads: () => boolean;
  }) {
    this.#parts = parts;
  }

  /** Records changed. */
  changed(dirty: Dirty): void {
    for (const { namespace, name } of dirty.models) {
      if (namespace !== DEFAULT_NAMESPACE) continue;
      const record = this.#parts.view.model(DEFAULT_NAMESPACE, name)?.record;
      if (record === undefined || record.copiesPolicy.min === 0) this.#wanted.delete(name);
      else if (!this.#wanted.has(name)) this.#wanted.set(name, { asked: false, elsewhereMs: undefined });
      if (record !== undefined && this.#wanted.has(name)) this.#keep(record);
    }
  }

  /** Brings up what is missing. */
  keep(): void {
    for (const model of this.#wanted.keys()) {
      const record = this.#parts.view.model(DEFAULT_NAMESPACE, model)?.record;
      if (record !== undefined) this.#keep(record);
    }
  }

  /**
   * The first time the model counts as used now. One that had to go for others comes back at its own age: else those that do not fit together
   * would push each other out for ever.
   */
  #keep(record: ModelRecord): void {
    const { clock, placing, leads, members, copies } = this.#parts;
    const wanted = this.#wanted.get(record.key);
    if (wanted === undefined || !leads() || record.failures.size > 0) return;
    const nowMs = clock.monotonicMs();
    if (wanted.elsewhereMs !== undefined && nowMs - wanted.elsewhereMs < PATIENCE_MS) return;
    const elsewhere = [...record.copies.keys()].filter((id) => members.isLive(id) && id !== copies.instance).length;
    const missing = record.copiesPolicy.min - elsewhere - (copies.knowledge(record.key) === 'absent' ? 0 : 1);
    if (missing <= 0) return;
    const lastUsedMs = wanted.asked ? record.lastUsedMs : clock.wallMs();
    wanted.asked = true;
    const chosen = placing.spread(record.key, missing, { lastUsedMs, exclude: [], knownUnits: null });
    if (chosen !== null && (missing > 1 || chosen !== copies.instance)) wanted.elsewhereMs = nowMs;
  }
}
