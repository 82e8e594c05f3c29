import { type Clock, type DurationMs, durationMs, type InstanceId, type ModelKey } from '@modelmesh/core';
import { type CopyChoice, type CopyLoads, chooseCopy, type PeerStanding, staysLocal } from '@modelmesh/core/routing';
import type { ModelRoute, SlotCounters, SlotRef } from '../../link/index.ts';
import { CopyLatencies, type PeerLinks } from '../peers/index.ts';

/**
 * A copy elsewhere that was claimed longer ago than this counts as loaded; before, it is only chosen where no other is. ModelMesh's value for a
 * runtime that names a load timeout of 90 s (spec `modelmesh.md` §4.1).
 */
export const ASSUME_LOADED_AFTER_MS = durationMs(30_000);

/** What choosing needs. */
export interface CopyChooserParts {
  readonly instance: InstanceId;
  readonly clock: Clock;
  readonly counters: SlotCounters;
  /** `null`: this node is alone. */
  readonly peers: PeerLinks | null;
}

const LOCAL: CopyChoice = Object.freeze({ kind: 'local', because: 'a copy is here', considered: [] });
const NONE: CopyChoice = Object.freeze({ kind: 'none' });

/** Finds the copy for each call, from what this worker sees of the copies' loads. */
export class CopyChooser implements CopyLoads {
  readonly #parts: CopyChooserParts;
  readonly #here: CopyLatencies;
  /** What is asked about just now: choosing allocates nothing but its answer. */
  #model: ModelKey | undefined;
  #slot: SlotRef | null = null;

  constructor(parts: CopyChooserParts) {
    this.#parts = parts;
    this.#here = new CopyLatencies(parts.clock);
  }

  /** The copy for a call of `route`'s model that has tried those of `tried`. */
  choose({ key, local, remote, settledAfterMs }: ModelRoute, tried: ReadonlySet<InstanceId>, balanced: boolean): CopyChoice {
    const { counters, peers, instance, clock } = this.#parts;
    const slot = local !== null && !tried.has(instance) ? local : null;
    if (peers === null) return slot === null ? NONE : LOCAL;
    if (slot !== null && staysLocal(counters.inFlight(slot), remote.length, balanced)) return LOCAL;
    this.#model = key;
    this.#slot = slot;
    const question = {
      local: slot === null ? null : instance,
      remotes: remote,
      tried,
      balanced,
      nowMs: clock.wallMs(),
      assumeLoadedAfterMs: settledAfterMs ?? ASSUME_LOADED_AFTER_MS,
      chance: peers.chance(),
    };
    return chooseCopy(question, this);
  }

  /** A call of a model took so long here. */
  tookHere(model: ModelKey, tookMs: DurationMs): void {
    // Of no use to a node that is alone.
    if (this.#parts.peers?.any === true) this.#here.took(model, tookMs);
  }

  standing(instance: InstanceId): PeerStanding {
    return this.#parts.peers?.standing(instance) ?? 'away';
  }

  inFlight(instance: InstanceId): number {
    const { peers, counters, instance: self } = this.#parts;
    if (instance === self) return this.#slot === null ? 0 : counters.inFlight(this.#slot);
    return peers?.inFlight(instance) ?? 0;
  }

  latencyMs(instance: InstanceId): DurationMs | null {
    const model = this.#model;
    if (model === undefined) return null;
    return instance === this.#parts.instance ? this.#here.of(model) : (this.#parts.peers?.latencyMs(instance, model) ?? null);
  }
}
