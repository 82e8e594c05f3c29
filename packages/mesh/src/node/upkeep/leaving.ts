import { type Clock, DEFAULT_NAMESPACE, type DurationMs, type InstanceId, type ModelKey, toMeshError } from '@modelmesh/core';
import type { CopyView } from '@modelmesh/core/cache';
import type { LoadTimes } from '@modelmesh/core/scaling';
import { type LeavingCopy, Migration, type MigrationEffect } from '@modelmesh/core/upkeep';
import type { LocalCopies } from '../copies/index.ts';
import { type Members, StepFacts } from '../members/index.ts';
import type { Placing } from '../placing/index.ts';
import type { RegistryMirror } from '../registry/index.ts';

/** What leaving is made of. */
export interface LeavingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly mirror: RegistryMirror;
  readonly members: Members;
  readonly copies: LocalCopies;
  readonly placing: Placing;
  readonly loadTimes: () => LoadTimes;
  /** Whether a copy was used heavily of late: others cannot take its calls without another copy. */
  readonly isHeavy: (model: ModelKey) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Moves this instance's copies elsewhere before it goes (spec `modelmesh.md` §4.14). Each serves here until another one serves; what nobody
 * else may load serves here to the end.
 *
 * Resolves when everything is moved that will be, or when the time is over.
 */
export async function moveCopies(parts: LeavingParts, allowedMs: DurationMs): Promise<void> {
  const { clock } = parts;
  const facts = new StepFacts(parts);
  const { self } = parts;
  const view = {
    self,
    nowMs: clock.wallMs(),
    isLive: (id: InstanceId) => id !== self && facts.isLive(id),
    hasCandidate: ({ type }: LeavingCopy['record']) => [...facts.factsFor(type).suitable.keys()].some((id) => id !== self),
    assumeLoadedAfterMs: (type: string) => parts.loadTimes().assumeLoadedAfterMs(type),
  };
  const migration = new Migration(leavingCopies(parts), view, clock.monotonicMs(), allowedMs);
  await new Promise<void>((resolve) => {
    const timer = clock.after(allowedMs, () => perform(migration.tick(clock.monotonicMs())));
    const perform = (effects: readonly MigrationEffect[]): void => {
      for (const effect of effects) {
        if (effect.kind === 'done') {
          timer.cancel();
          resolve();
        } else carryOut(parts, effect, migration, perform);
      }
    };
    perform(migration.begin(clock.monotonicMs()));
  });
}

function carryOut(
  parts: LeavingParts,
  effect: Exclude<MigrationEffect, { readonly kind: 'done' }>,
  migration: Migration,
  perform: (effects: readonly MigrationEffect[]) => void,
): void {
  const { copies, mirror, members, placing, self, clock, signal } = parts;
  const { model } = effect;
  switch (effect.kind) {
    case 'abort-load':
      copies.unload(model);
      return;
    case 'release': {
      const record = mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
      const held = [...(record?.copies.keys() ?? [])].some((id) => id !== self && members.isReachable(id));
      // While nobody else has it the calls that still come are better served than refused.
      if (record === undefined || held) copies.unload(model);
      return;
    }
    case 'load-elsewhere':
      placing.loadElsewhere(model, { exclude: effect.exclude, lastUsedMs: effect.lastUsedMs, units: effect.units, signal }).then(
        () => perform(migration.served(model, clock.monotonicMs())),
        (error: unknown) => perform(migration.failed(model, toMeshError(error).message, clock.monotonicMs())),
      );
  }
}

function leavingCopies({ copies, mirror, isHeavy }: LeavingParts): LeavingCopy[] {
  return [...copies.cache.copies()].flatMap((copy) => {
    const state = LEAVING_STATE[copy.state.kind];
    const record = mirror.view.model(DEFAULT_NAMESPACE, copy.model)?.record;
    if (state === null || record === undefined) return [];
    const { units, lastUsedMs } = copy;
    return [{ record, state, lastUsedMs, units, heavy: isHeavy(copy.model) }];
  });
}

const LEAVING_STATE: Readonly<Record<CopyView['state']['kind'], LeavingCopy['state'] | null>> = {
  predicting: 'queued',
  queued: 'queued',
  'waiting-for-space': 'queued',
  loading: 'loading',
  claiming: 'loading',
  sizing: 'serving',
  active: 'serving',
  failed: null,
  draining: null,
  settling: null,
  unloading: null,
  'unload-retry': null,
};
