/** Puts the machine together. */

import { type Bytes, type ModelKey, sizeUnits } from '../units.ts';
import { loadsQueued } from './arriving.ts';
import type { Cache, CacheInstant, CacheSummary, CopyUses, ModelSizes } from './cache.ts';
import { type CacheConfig, checkCacheConfig } from './config.ts';
import type { CopyView } from './copy-state.ts';
import type { CacheDecision } from './decision.ts';
import { apply, settle } from './dispatch.ts';
import type { CacheEffect } from './effect.ts';
import type { Entry, Leaving } from './entry.ts';
import type { CacheEvent } from './event.ts';
import { createMachine, lastUsedMs, type Machine } from './machine.ts';
import { type CachePolicy, createCachePolicy } from './policy/index.ts';
import { oldestUseMs } from './victims.ts';

/**
 * A cache without a runtime yet. `uses` reads the data plane's counters; `policy` is the order of victims, by
 * default the one that `config` names, and belongs to this cache alone.
 *
 * @throws {Bug} if a limit of `config` is not positive.
 */
export function createCache(config: CacheConfig, uses: CopyUses, policy: CachePolicy = createCachePolicy(config.policy)): Cache {
  return new MachineCache(createMachine(checkCacheConfig(config), uses, policy));
}

class MachineCache implements Cache {
  readonly #m: Machine;

  constructor(machine: Machine) {
    this.#m = machine;
  }

  step(event: CacheEvent, now: CacheInstant): readonly CacheEffect[] {
    const m = this.#m;
    const effects: CacheEffect[] = [];
    m.effects = effects;
    m.now = now;
    apply(m, event);
    settle(m);
    return effects;
  }

  copy(model: ModelKey): CopyView | null {
    const entry = this.#m.entries.get(model);
    if (entry !== undefined) return liveView(this.#m, entry);
    const leaving = this.#m.leaving.get(model);
    return leaving === undefined ? null : leavingView(leaving);
  }

  *copies(): IterableIterator<CopyView> {
    for (const entry of this.#m.entries.values()) yield liveView(this.#m, entry);
    for (const leaving of this.#m.leaving.values()) yield leavingView(leaving);
  }

  summary(): CacheSummary {
    const m = this.#m;
    return {
      phase: m.phase,
      capacityUnits: m.buffer.capacityUnits,
      effectiveUnits: m.buffer.effectiveUnits,
      usedUnits: m.buffer.occupiedUnits,
      bookedUnits: m.buffer.bookedUnits,
      overdraftUnits: m.buffer.deficitUnits,
      lostUnits: m.buffer.lostUnits,
      pinnedUnits: sizeUnits(m.pinnedUnits),
      copies: m.entries.size,
      leaving: m.leaving.size,
      loadsQueued: loadsQueued(m),
      loadsRunning: m.counts.loading,
      oldestUseMs: oldestUseMs(m),
    };
  }

  decisions(): readonly CacheDecision[] {
    return this.#m.decisions.list();
  }

  sizes(model: ModelKey): ModelSizes {
    const entry = this.#m.entries.get(model);
    return {
      declaredUnits: entry?.declaredUnits ?? null,
      predicted: entry?.predicted ?? null,
      ...this.#m.ledger.measured(model),
      bookedUnits: this.copy(model)?.units ?? null,
    };
  }

  rememberedSize(model: ModelKey): Bytes | null {
    return this.#m.ledger.rememberedBytes(model);
  }
}

const liveView = (m: Machine, entry: Entry): CopyView => ({
  model: entry.model,
  copy: entry.copy,
  state: entry.state,
  units: entry.units,
  lastUsedMs: lastUsedMs(m, entry),
  pinned: entry.policy.pinned,
  awaited: entry.awaited,
});

const leavingView = ({ model, copy, state, units, lastUsedMs: usedMs }: Leaving): CopyView => ({
  model,
  copy,
  state,
  units,
  lastUsedMs: usedMs,
  pinned: false,
  awaited: false,
});
