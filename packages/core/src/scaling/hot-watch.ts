/**
 * Reacts within a second to a model whose calls pile up, where the step of ten seconds would let them wait.
 *
 * A pile that shrinks is a burst that is being worked off: a copy elsewhere would come too late. So it takes two looks, a while apart, at
 * which the calls in flight are over the bound and have not become notably fewer.
 */

import { type DurationMs, durationMs, type ModelKey, type MonotonicMs } from '../units.ts';
import { byKey } from './cluster-facts.ts';
import type { ScalingConfig } from './config.ts';
import type { ScaleUpDecision } from './decision.ts';
import { addCopies, elsewhereFor, held, otherCopyYoungerThan, type ScaleUpView, type ServingCopy } from './scale-up.ts';

/** A copy over its bound, and what follows. */
export interface HotDecision {
  readonly copy: ServingCopy;
  readonly decision: ScaleUpDecision;
}

/** A copy and its calls in flight, those that wait at it included. */
export interface BusyCopy extends ServingCopy {
  readonly inFlight: number;
}

/** Two looks at a model that are nearer than this count as one. */
export const HOT_LOOKS_APART_MS: DurationMs = durationMs(250);
/** A look that is older than this says nothing of now. */
export const HOT_LOOK_EXPIRES_MS: DurationMs = durationMs(5000);
/** Calls in flight below this share of the last look are being worked off. */
export const HOT_SHRINKING_SHARE = 0.9;
/** After copies were added a model is left alone for so long, or for as long as its type takes to load. */
export const HOT_COOL_DOWN_MS: DurationMs = durationMs(3000);
/** Calls in flight per call that the runtime runs at a time: twice as many keep it busy without a gap. */
const HOT_CALLS_PER_CONCURRENT_CALL = 2;

interface Look {
  readonly atMs: MonotonicMs;
  readonly inFlight: number;
}

/** Calls in flight at a copy that ask for another one; null: the rule is off. */
export const hotBound = (maxConcurrency: number | null, { hotCallsPerCopyMax }: ScalingConfig): number | null =>
  hotCallsPerCopyMax === null || maxConcurrency === null ? hotCallsPerCopyMax : HOT_CALLS_PER_CONCURRENT_CALL * maxConcurrency;

/** Remembers the copies over their bound since the last look, and the models that were helped just now: never more than local copies. */
export class HotWatch {
  #looks = new Map<ModelKey, Look>();
  readonly #helpedUntilMs = new Map<ModelKey, MonotonicMs>();

  /** Looks at the local copies; most loaded first in the answer. Copies that want nothing are not in it. */
  look(copies: Iterable<BusyCopy>, view: Omit<ScaleUpView, 'elapsedMs'>, now: MonotonicMs): readonly HotDecision[] {
    const seen = new Map<ModelKey, Look>();
    const found: (HotDecision & { readonly ratio: number })[] = [];
    for (const copy of copies) {
      const bound = hotBound(copy.maxConcurrency, view.config);
      if (bound === null || copy.inFlight <= bound) continue;
      const decision = this.#judge(copy, bound, seen, view, now);
      found.push({ ratio: copy.inFlight / bound, copy, decision });
    }
    this.#looks = seen;
    for (const [model, untilMs] of this.#helpedUntilMs) if (untilMs <= now) this.#helpedUntilMs.delete(model);
    return found.sort((a, b) => b.ratio - a.ratio || byKey(a.decision.model, b.decision.model));
  }

  /** Copies of this model were asked for: it is left alone until they can serve. */
  helped(model: ModelKey, assumeLoadedAfterMs: DurationMs, now: MonotonicMs): void {
    this.#helpedUntilMs.set(model, (now + Math.max(HOT_COOL_DOWN_MS, assumeLoadedAfterMs)) as MonotonicMs);
  }

  #judge(
    copy: BusyCopy,
    bound: number,
    seen: Map<ModelKey, Look>,
    view: Omit<ScaleUpView, 'elapsedMs'>,
    now: MonotonicMs,
  ): ScaleUpDecision {
    const { record, inFlight } = copy;
    const last = this.#lastLook(record.key, now);
    const isApart = last === undefined || now - last.atMs >= HOT_LOOKS_APART_MS;
    seen.set(record.key, isApart ? { atMs: now, inFlight } : last);
    const why = `${inFlight} calls in flight, ${bound} are meant for a copy`;
    if (last === undefined || !isApart) return held(record, 'first-look', `${why}; seen for the first time`);
    if (inFlight < last.inFlight * HOT_SHRINKING_SHARE)
      return held(record, 'draining', `${why}; they were ${last.inFlight} a moment ago`);
    return this.#help(copy, bound, why, view, now);
  }

  #help(
    { record, inFlight }: BusyCopy,
    bound: number,
    why: string,
    view: Omit<ScaleUpView, 'elapsedMs'>,
    now: MonotonicMs,
  ): ScaleUpDecision {
    if ((this.#helpedUntilMs.get(record.key) ?? Number.NEGATIVE_INFINITY) > now)
      return held(record, 'cooling-down', `${why}; copies were asked for just now`);
    const elsewhere = elsewhereFor(record, view);
    if (elsewhere.candidates === 0) return held(record, 'no-other-instance', `${why}; no instance is left that may take a copy`);
    const coolDownMs = durationMs(Math.max(HOT_COOL_DOWN_MS, elsewhere.facts.assumeLoadedAfterMs));
    const recent = otherCopyYoungerThan(elsewhere, view, coolDownMs);
    if (recent !== null) return held(record, 'already-loading', `${why}; a copy is being loaded in ${recent} already`);
    return addCopies(record, 'hot', Math.floor(inFlight / bound), why, elsewhere, { ...view, elapsedMs: durationMs(0) });
  }

  #lastLook(model: ModelKey, now: MonotonicMs): Look | undefined {
    const look = this.#looks.get(model);
    return look !== undefined && now - look.atMs < HOT_LOOK_EXPIRES_MS ? look : undefined;
  }
}
