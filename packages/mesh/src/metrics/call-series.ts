import { type GrpcCode, grpcCodeName } from '@modelmesh/wire/status';
import type { Histogram } from 'prom-client';
import type { MODELMESH_METRICS, NamesOf } from './catalogue.ts';
import type { ModelLabels } from './model-series.ts';

/** The histograms that ModelMesh has, by name. */
export type Histograms = Readonly<Record<NamesOf<typeof MODELMESH_METRICS, 'histogram'>, Histogram>>;
type HistogramName = keyof Histograms;

/** Takes one measurement of one series. */
export type Observe = (value: number) => void;

const CALL_NAMES = [
  'modelmesh_api_request_milliseconds',
  'modelmesh_invoke_model_milliseconds',
  'modelmesh_request_size_bytes',
  'modelmesh_response_size_bytes',
] as const satisfies readonly HistogramName[];
type CallName = (typeof CALL_NAMES)[number];

/**
 * The series of one model, or of all where models are not told apart. Each is found once and kept: finding it again by its labels costs
 * more than the measurement.
 */
export class SeriesSet {
  readonly #histograms: Histograms;
  readonly #model: ModelLabels | null;
  /** By method, then by code. */
  readonly #calls: Readonly<Record<CallName, Map<string, (Observe | undefined)[]>>>;
  readonly #plain = new Map<HistogramName, Observe>();

  /** @param model `null`: without labels of the model. */
  constructor(histograms: Histograms, model: ModelLabels | null) {
    this.#histograms = histograms;
    this.#model = model;
    this.#calls = {
      modelmesh_api_request_milliseconds: new Map(),
      modelmesh_invoke_model_milliseconds: new Map(),
      modelmesh_request_size_bytes: new Map(),
      modelmesh_response_size_bytes: new Map(),
    };
  }

  /** Measures something of a call. */
  call(name: CallName, method: string, code: GrpcCode, value: number): void {
    let codes = this.#calls[name].get(method);
    if (codes === undefined) {
      codes = [];
      this.#calls[name].set(method, codes);
    }
    let observe = codes[code];
    if (observe === undefined) {
      observe = observer(this.#histograms[name], { method, code: grpcCodeName(code), ...this.#model });
      codes[code] = observe;
    }
    observe(value);
  }

  /** Measures something that has no method. */
  plain(name: HistogramName, value: number): void {
    let observe = this.#plain.get(name);
    if (observe === undefined) {
      observe = observer(this.#histograms[name], { ...this.#model });
      this.#plain.set(name, observe);
    }
    observe(value);
  }

  /** Takes all of its series out of the histograms. */
  remove(): void {
    for (const name of CALL_NAMES) {
      for (const [method, codes] of this.#calls[name])
        codes.forEach((_, code) => {
          this.#histograms[name].remove({ method, code: grpcCodeName(code as GrpcCode), ...this.#model });
        });
    }
    for (const name of this.#plain.keys()) this.#histograms[name].remove({ ...this.#model });
  }
}

function observer(histogram: Histogram, labels: Readonly<Record<string, string>>): Observe {
  const child = histogram.labels(labels);
  return (value) => child.observe(value);
}
