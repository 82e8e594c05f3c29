import type { Clock } from '@modelmesh/core';
import type { Registry } from 'prom-client';
import type { ShadowFacts } from '../dataplane/index.ts';
import { CardinalityBudget } from './cardinality-budget.ts';
import { OWN_METRICS } from './catalogue.ts';
import { CounterFamily, type CounterSeries } from './counter-family.ts';
import { OTHER } from './method-labels.ts';

/** Mirrors with series of their own in one worker, those that are used most; all others share those of `other`. */
export const SHADOW_SERIES_MAX = 100;
/** Mirrors whose use is known in one worker; further ones are counted with the others. */
export const SHADOW_NAMES_MAX = 2000;

const NAME = 'mesh_shadow_calls_total';
/** Stands between the names of an endpoint and a mirror, and in neither. */
const BETWEEN = '\0';
type Outcome = ShadowFacts['outcome'];

/** The series of one mirror, by outcome: each is made with its first call. */
class MirrorSeries {
  readonly #family: CounterFamily;
  readonly #labels: Readonly<Record<'endpoint' | 'mirror', string>>;
  readonly #series = new Map<Outcome, CounterSeries>();

  constructor(family: CounterFamily, labels: Readonly<Record<'endpoint' | 'mirror', string>>) {
    this.#family = family;
    this.#labels = labels;
  }

  add(outcome: Outcome, count = 1): void {
    let series = this.#series.get(outcome);
    if (series === undefined) {
      series = this.#family.of({ ...this.#labels, outcome });
      this.#series.set(outcome, series);
    }
    series.value += count;
  }

  /** Takes in what another one has counted, which is shown no more. */
  take(other: MirrorSeries): void {
    for (const [outcome, series] of other.#series) {
      this.add(outcome, series.value);
      this.#family.remove(series);
    }
  }
}

/** Counts what became of calls that shadows were to get. */
export function addShadows(registry: Registry, clock: Clock): (facts: ShadowFacts) => void {
  const family = new CounterFamily(NAME, OWN_METRICS[NAME].help);
  registry.registerMetric(family.asMetric());
  const budget = new CardinalityBudget<MirrorSeries>(SHADOW_SERIES_MAX, clock, {
    make: (name) => {
      const [endpoint = OTHER, mirror = OTHER] = name?.split(BETWEEN) ?? [];
      return new MirrorSeries(family, { endpoint, mirror });
    },
    fold: (from, into) => into.take(from),
  });
  return ({ endpoint, mirror, outcome }) => {
    // Whose names are those of all others together is one of them: two series of the same labels would spoil the page.
    const isOther = endpoint === OTHER && mirror === OTHER;
    const name = `${endpoint}${BETWEEN}${mirror}`;
    const known = !isOther && (budget.knows(name) || budget.figures.known < SHADOW_NAMES_MAX);
    (known ? budget.of(name).use() : budget.others).add(outcome);
  };
}
