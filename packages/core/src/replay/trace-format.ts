/** Traces as JSON lines: a header with the cache and its models, then one line for each call. The reference describes the fields. */

import { MeshError } from '../errors.ts';
import { type Bytes, bytes, type DurationMs, durationMs, modelKey } from '../units.ts';
import { TRACE_CALLS_MAX, TRACE_MODELS_MAX, type Trace, type TraceCache, type TraceModel } from './trace.ts';

/** What the field `trace` of a header says. */
export const TRACE_FORMAT = 'mmesh/1';

/** The lines of a trace, without line ends. */
export function* traceLines({ cache, models, atMs, called }: Trace): IterableIterator<string> {
  yield JSON.stringify({
    trace: TRACE_FORMAT,
    capacityBytes: cache.capacity,
    loadingConcurrency: cache.loadingConcurrency,
    unloadSeconds: cache.unloadMs / 1000,
    models: models.map(({ key, bytes: size, loadMs }) => ({ key, bytes: size, loadSeconds: loadMs / 1000 })),
  });
  const names = models.map(({ key }) => JSON.stringify(key));
  for (let call = 0; call < called.length; call += 1)
    yield `{"t":${(atMs[call] ?? 0) / 1000},"model":${names[called[call] ?? 0]}}`;
}

/** Reads a trace line by line, so that a long one need not be held as text. */
export class TraceReader {
  readonly #atMs: number[] = [];
  readonly #called: number[] = [];
  readonly #indexes = new Map<string, number>();
  #header: { readonly cache: TraceCache; readonly models: readonly TraceModel[] } | null = null;
  #line = 0;

  /** Takes the next line; blank ones count for nothing. @throws {MeshError} `invalid-argument` with the number of the line. */
  take(text: string): void {
    this.#line += 1;
    if (text.trim() === '') return;
    const fields = this.#fields(text);
    if (this.#header === null) this.#takeHeader(fields);
    else this.#takeCall(fields);
  }

  /** The whole trace. @throws {MeshError} `invalid-argument` if there was no header. */
  finish(): Trace {
    if (this.#header === null) throw new MeshError('invalid-argument', 'the trace is empty: its first line must be a header');
    return { ...this.#header, atMs: Float64Array.from(this.#atMs), called: Uint32Array.from(this.#called) };
  }

  #takeHeader(fields: Fields): void {
    if (fields.trace !== TRACE_FORMAT) this.#refuse(`expected a header with "trace": "${TRACE_FORMAT}"`);
    const models = fields.models;
    if (!Array.isArray(models) || models.length === 0) this.#refuse('"models" must be a list with at least one model');
    if (models.length > TRACE_MODELS_MAX) this.#refuse(`a trace has at most ${TRACE_MODELS_MAX} models`);
    const cache = {
      capacity: this.#bytes(fields, 'capacityBytes'),
      loadingConcurrency: this.#concurrency(fields),
      unloadMs: fields.unloadSeconds === undefined ? durationMs(0) : this.#time(fields, 'unloadSeconds'),
    };
    this.#header = { cache, models: models.map((model) => this.#model(model)) };
  }

  #model(value: unknown): TraceModel {
    if (!isFields(value)) this.#refuse('a model must be an object');
    const key = value.key;
    if (typeof key !== 'string' || key === '') this.#refuse('a model must have a "key"');
    if (this.#indexes.has(key)) this.#refuse(`model ${JSON.stringify(key)} is there twice`);
    this.#indexes.set(key, this.#indexes.size);
    return { key: modelKey(key), bytes: this.#bytes(value, 'bytes'), loadMs: this.#time(value, 'loadSeconds') };
  }

  #takeCall(fields: Fields): void {
    if (this.#called.length >= TRACE_CALLS_MAX) this.#refuse(`a trace has at most ${TRACE_CALLS_MAX} calls`);
    const atMs = this.#time(fields, 't');
    if (atMs < (this.#atMs.at(-1) ?? 0)) this.#refuse('"t" is earlier than in the line before: sort the calls by time');
    const index = this.#indexes.get(String(fields.model));
    if (index === undefined) this.#refuse(`the header has no model ${JSON.stringify(fields.model)}`);
    this.#atMs.push(atMs);
    this.#called.push(index);
  }

  #fields(text: string): Fields {
    try {
      const value: unknown = JSON.parse(text);
      if (isFields(value)) return value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return this.#refuse('expected one JSON object');
  }

  #concurrency(fields: Fields): number {
    const value = fields.loadingConcurrency ?? 1;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    return this.#refuse('"loadingConcurrency" must be a positive integer');
  }

  #bytes(fields: Fields, name: keyof Fields): Bytes {
    const value = fields[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return bytes(value);
    return this.#refuse(`"${name}" must be a positive number of bytes`);
  }

  /** Seconds, kept to the microsecond, so that what was written is read back as it was. */
  #time(fields: Fields, name: keyof Fields): DurationMs {
    const value = fields[name];
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return durationMs(Math.round(value * 1e6) / 1000);
    return this.#refuse(`"${name}" must be a number of seconds, 0 or more`);
  }

  #refuse(because: string): never {
    throw new MeshError('invalid-argument', `line ${this.#line} of the trace: ${because}`);
  }
}

/** Every field that a line may have; what else it has is ignored. */
interface Fields {
  readonly trace?: unknown;
  readonly capacityBytes?: unknown;
  readonly loadingConcurrency?: unknown;
  readonly unloadSeconds?: unknown;
  readonly models?: unknown;
  readonly key?: unknown;
  readonly bytes?: unknown;
  readonly loadSeconds?: unknown;
  readonly t?: unknown;
  readonly model?: unknown;
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
