import type { Clock, EndpointId } from '@modelmesh/core';
import { grpcCodeName, grpcCodeOf } from '@modelmesh/wire/status';
import type { Registry } from 'prom-client';
import type { VariantReason, VariantSink } from '../dataplane/index.ts';
import { CardinalityBudget } from './cardinality-budget.ts';
import { OWN_METRICS } from './catalogue.ts';
import { CounterFamily, type CounterSeries } from './counter-family.ts';
import { HistogramFamily, type HistogramSeries } from './histogram.ts';
import { OTHER } from './method-labels.ts';

/** The metrics of variants. */
interface Families {
  readonly requests: CounterFamily;
  readonly picks: CounterFamily;
  readonly times: HistogramFamily;
}

/** What is measured of one variant. Each series is made with its first value. */
class VariantSeries {
  readonly #families: Families;
  readonly #labels: { readonly endpoint: string; readonly variant: string };
  readonly #requests: (CounterSeries | undefined)[] = [];
  readonly #picks = new Map<VariantReason, CounterSeries>();
  #times: HistogramSeries | undefined;

  constructor(families: Families, labels: { readonly endpoint: string; readonly variant: string }) {
    this.#families = families;
    this.#labels = labels;
  }

  picked(reason: VariantReason, count = 1): void {
    let series = this.#picks.get(reason);
    if (series === undefined) {
      series = this.#families.picks.of({ ...this.#labels, reason });
      this.#picks.set(reason, series);
    }
    series.value += count;
  }

  ended(code: number, tookMs: number): void {
    this.#requestsOf(code).value += 1;
    this.#timesOf().observe(tookMs);
  }

  /** Takes in what another one has measured, which is shown no more. */
  take(other: VariantSeries): void {
    const { requests, picks, times } = this.#families;
    for (const [code, series] of other.#requests.entries()) {
      if (series === undefined) continue;
      this.#requestsOf(code).value += series.value;
      requests.remove(series);
    }
    for (const [reason, series] of other.#picks) {
      this.picked(reason, series.value);
      picks.remove(series);
    }
    if (other.#times === undefined) return;
    this.#timesOf().add(other.#times);
    times.remove(other.#times);
  }

  #requestsOf(code: number): CounterSeries {
    const grpc = grpcCodeOf(code);
    this.#requests[grpc] ??= this.#families.requests.of({ ...this.#labels, code: grpcCodeName(grpc) });
    return this.#requests[grpc];
  }

  #timesOf(): HistogramSeries {
    this.#times ??= this.#families.times.of(this.#labels);
    return this.#times;
  }
}

/** Stands between the names of an endpoint and a variant, and in neither. */
const BETWEEN = '\0';

/** Adds the metrics of variants: `max` pairs of endpoint and variant have series of their own. What comes back gives a variant its sink. */
export function addVariants(
  registry: Registry,
  max: number,
  clock: Clock,
): (endpoint: EndpointId, variant: string) => VariantSink {
  const families = familiesIn(registry);
  const budget = new CardinalityBudget<VariantSeries>(max, clock, {
    make: (name) => {
      const [endpoint = OTHER, variant = OTHER] = name?.split(BETWEEN) ?? [];
      return new VariantSeries(families, { endpoint, variant });
    },
    fold: (from, into) => into.take(from),
  });
  return (endpoint, variant) => {
    const name = `${endpoint}${BETWEEN}${variant}`;
    // Whose names are those of all others together is one of them: two series of the same labels would spoil the page.
    const series = endpoint === OTHER && variant === OTHER ? { use: () => budget.others } : budget.of(name);
    return {
      picked: (reason) => series.use().picked(reason),
      ended: (code, tookMs) => series.use().ended(code, tookMs),
      forget: () => budget.forget(name),
    };
  };
}

function familiesIn(registry: Registry): Families {
  const { mesh_variant_requests_total, mesh_variant_picks_total, mesh_variant_request_milliseconds } = OWN_METRICS;
  const requests = new CounterFamily('mesh_variant_requests_total', mesh_variant_requests_total.help);
  const picks = new CounterFamily('mesh_variant_picks_total', mesh_variant_picks_total.help);
  const times = new HistogramFamily({
    name: 'mesh_variant_request_milliseconds',
    help: mesh_variant_request_milliseconds.help,
    bounds: mesh_variant_request_milliseconds.buckets,
    labelled: true,
  });
  for (const family of [requests, picks, times]) registry.registerMetric(family.asMetric());
  return { requests, picks, times };
}
