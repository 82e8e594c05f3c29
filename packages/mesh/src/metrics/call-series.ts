import { type GrpcCode, grpcCodeName } from '@modelmesh/wire/status';
import type { MODELMESH_METRICS, NamesOf } from './catalogue.ts';
import type { HistogramFamily, HistogramSeries } from './histogram.ts';
import type { ModelLabels } from './model-series.ts';

/** The histograms that ModelMesh has, by name. */
export type Histograms = Readonly<Record<NamesOf<typeof MODELMESH_METRICS, 'histogram'>, HistogramFamily>>;
type HistogramName = keyof Histograms;

/** What is measured of calls, with the labels `method` and `code`. */
const CALL_NAMES = [
  'modelmesh_api_request_milliseconds',
  'modelmesh_invoke_model_milliseconds',
  'modelmesh_request_size_bytes',
  'modelmesh_response_size_bytes',
] as const satisfies readonly HistogramName[];
type CallName = (typeof CALL_NAMES)[number];

/** The series of one method and code. Each is made with its first value. */
type CallSeries = Record<CallName, HistogramSeries | undefined>;

/**
 * The series of one model, or of all where models are not told apart. Each is found once and kept: finding it again by its labels costs
 * more than the measurement.
 */
export class SeriesSet {
  readonly #histograms: Histograms;
  readonly #model: ModelLabels | null;
  /** By method, then by code. */
  readonly #calls = new Map<string, (CallSeries | undefined)[]>();
  readonly #plain = new Map<HistogramName, HistogramSeries>();

  /** @param model `null`: without labels of the model. */
  constructor(histograms: Histograms, model: ModelLabels | null) {
    this.#histograms = histograms;
    this.#model = model;
  }

  /** Measures something of a call. */
  call(name: CallName, method: string, code: GrpcCode, value: number): void {
    let codes = this.#calls.get(method);
    if (codes === undefined) {
      codes = [];
      this.#calls.set(method, codes);
    }
    codes[code] ??= {
      modelmesh_api_request_milliseconds: undefined,
      modelmesh_invoke_model_milliseconds: undefined,
      modelmesh_request_size_bytes: undefined,
      modelmesh_response_size_bytes: undefined,
    };
    const series = codes[code];
    series[name] ??= this.#histograms[name].of({ method, code: grpcCodeName(code), ...this.#model });
    series[name].observe(value);
  }

  /** Measures something that has no method. */
  plain(name: HistogramName, value: number): void {
    let series = this.#plain.get(name);
    if (series === undefined) {
      series = this.#histograms[name].of({ ...this.#model });
      this.#plain.set(name, series);
    }
    series.observe(value);
  }

  /** Takes all of its series out of the histograms. */
  remove(): void {
    for (const codes of this.#calls.values()) {
      for (const series of codes) {
        if (series === undefined) continue;
        for (const name of CALL_NAMES) {
          const one = series[name];
          if (one !== undefined) this.#histograms[name].remove(one);
        }
      }
    }
    for (const [name, series] of this.#plain) this.#histograms[name].remove(series);
  }
}
