import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EpochMs,
  type InstanceId,
  type ModelKey,
  sleep,
} from '@modelmesh/core';
import type { CopyView } from '@modelmesh/core/cache';
import type { ModelRecord, Versioned } from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import {
  type CopyCheck,
  decideChecked,
  JANITOR_FIRST_MS,
  JANITOR_PERIOD_MS,
  type JanitorCopy,
  type JanitorView,
  runJanitor,
} from '@modelmesh/core/upkeep';
import type { SlotCounters } from '../../link/index.ts';
import type { LocalCopies } from '../copies/index.ts';
import { inBatches } from '../in-batches.ts';
import type { RegistryClaims, RegistryMirror, RegistryPulse } from '../registry/index.ts';

/** Writes and reads that are under way at the same time. */
const AT_ONCE = 32;

/** What the janitor is made of. */
export interface JanitorParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly mirror: RegistryMirror;
  readonly pulse: RegistryPulse;
  readonly copies: LocalCopies;
  readonly claims: RegistryClaims;
  readonly counters: SlotCounters;
  readonly loadTimeoutMs: () => DurationMs;
  readonly failureExpiryMs: DurationMs;
  /** The run's last act. */
  readonly scaleDown: (signal: AbortSignal) => Promise<void>;
  readonly onProblem: (message: string) => void;
}

/** Keeps the copies here and what records say of them in agreement (spec `modelmesh.md` §4.10). */
export class Janitor {
  readonly #parts: JanitorParts;

  constructor(parts: JanitorParts) {
    this.#parts = parts;
  }

  /** Runs until `scope` ends. */
  start(scope: Scope): void {
    scope.spawn('janitor', async (signal) => {
      for (let pauseMs = JANITOR_FIRST_MS; ; pauseMs = JANITOR_PERIOD_MS) {
        await sleep(this.#parts.clock, pauseMs, signal);
        // What cannot be written is not judged either: it would be judged on an old picture.
        if (this.#parts.pulse.away === undefined) await this.#run(signal);
      }
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { mirror, counters, copies, scaleDown, onProblem } = this.#parts;
    const view = this.#view();
    const { writes, checks, lastUses } = runJanitor(view);
    for (const { model, lastUsedMs } of lastUses) {
      const slot = slotOf(copies.cache.copy(model));
      if (slot !== null) counters.capLastUse(slot, lastUsedMs);
    }
    const failed = [
      ...(await inBatches(writes, AT_ONCE, signal, ({ record, revision }) => mirror.writeJudged(record, revision))),
      ...(await inBatches(checks, AT_ONCE, signal, (check) => this.#check(check, view))),
    ];
    const [first] = failed;
    if (first !== undefined) onProblem(`${failed.length} of ${writes.length + checks.length} repairs failed: ${first.message}`);
    await scaleDown(signal);
  }

  async #check({ model }: CopyCheck, view: JanitorView): Promise<void> {
    const { mirror, copies } = this.#parts;
    const copy = view.copies.get(model);
    if (copy === undefined) return;
    const verdict = decideChecked(copy, await mirror.fresh(DEFAULT_NAMESPACE, model), view);
    if (verdict.kind === 'drop') copies.unload(model);
    if (verdict.kind === 'claim') await mirror.writeJudged(verdict.record, verdict.revision);
  }

  #view(): JanitorView {
    const { self, clock, mirror, copies, loadTimeoutMs, failureExpiryMs } = this.#parts;
    const local = new Map<ModelKey, JanitorCopy>();
    for (const copy of copies.cache.copies()) {
      const known = this.#copyOf(copy);
      if (known !== null) local.set(copy.model, known);
    }
    const records = new Map<ModelKey, Versioned<ModelRecord>>();
    const add = (model: ModelKey): void => {
      const stored = mirror.view.model(DEFAULT_NAMESPACE, model);
      if (stored !== undefined) records.set(model, stored);
    };
    for (const { namespace, name } of mirror.view.modelsNaming(self)) if (namespace === DEFAULT_NAMESPACE) add(name);
    for (const model of local.keys()) add(model);
    const nowMs = clock.wallMs();
    return { self, nowMs, loadTimeoutMs: loadTimeoutMs(), failureExpiryMs, copies: local, records: records.values() };
  }

  /** Copies that leave are none: their claims are withdrawn or about to be. */
  #copyOf({ model, state, lastUsedMs }: CopyView): JanitorCopy | null {
    const kind = JANITOR_STATE[state.kind];
    if (kind === null) return null;
    const claimedMs: EpochMs = this.#parts.claims.claimedAt(model) ?? this.#parts.clock.wallMs();
    return { model, state: kind, claimedMs, lastUsedMs, unloadTried: false };
  }
}

const JANITOR_STATE: Readonly<Record<CopyView['state']['kind'], JanitorCopy['state'] | null>> = {
  predicting: 'loading',
  queued: 'loading',
  'waiting-for-space': 'loading',
  loading: 'loading',
  claiming: 'loading',
  sizing: 'serving',
  active: 'serving',
  failed: 'failed',
  draining: null,
  settling: null,
  unloading: null,
  'unload-retry': null,
};

function slotOf(copy: CopyView | null): { readonly index: number; readonly generation: number } | null {
  return copy?.state.kind === 'active' || copy?.state.kind === 'sizing' ? copy.state.slot : null;
}
