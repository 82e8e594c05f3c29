import type { Clock } from '@modelmesh/core';
import { Counter, type Registry } from 'prom-client';
import type { ShadowFacts } from '../dataplane/index.ts';
import { OWN_METRICS } from './catalogue.ts';
import { OTHER } from './method-labels.ts';
import { ModelSeries } from './model-series.ts';

/** Mirrors with series of their own in one worker; all others share those of `other`, and one that was idle long enough gives its place away. */
export const SHADOW_SERIES_MAX = 100;

const NAME = 'mesh_shadow_calls_total';
type Labels = 'endpoint' | 'mirror' | 'outcome';

/** The series of one mirror, by outcome: each is found once. */
class MirrorSeries {
  readonly #counter: Counter<Labels>;
  readonly #labels: Readonly<Record<'endpoint' | 'mirror', string>>;
  readonly #series = new Map<ShadowFacts['outcome'], { inc(): void }>();

  constructor(counter: Counter<Labels>, labels: Readonly<Record<'endpoint' | 'mirror', string>>) {
    this.#counter = counter;
    this.#labels = labels;
  }

  add(outcome: ShadowFacts['outcome']): void {
    const one = this.#series.get(outcome) ?? this.#counter.labels({ ...this.#labels, outcome });
    this.#series.set(outcome, one);
    one.inc();
  }

  remove(): void {
    for (const outcome of this.#series.keys()) this.#counter.remove({ ...this.#labels, outcome });
  }
}

/** Counts what became of calls that shadows were to get. */
export function addShadows(registry: Registry, clock: Clock): (facts: ShadowFacts) => void {
  const labelNames = ['endpoint', 'mirror', 'outcome'] as const;
  const counter = new Counter<Labels>({ name: NAME, help: OWN_METRICS[NAME].help, labelNames, registers: [registry] });
  const mirrors = new ModelSeries<MirrorSeries>({
    max: SHADOW_SERIES_MAX,
    clock,
    make: ({ modelId, vModelId }) =>
      new MirrorSeries(counter, vModelId === '' ? { endpoint: OTHER, mirror: OTHER } : { endpoint: vModelId, mirror: modelId }),
    drop: (series) => series.remove(),
  });
  return ({ endpoint, mirror, outcome }) => mirrors.of(mirror, endpoint).add(outcome);
}
