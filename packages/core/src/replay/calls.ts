import { assert } from '../assert.ts';
import type { Trace } from './trace.ts';
import { TRACE_CALLS_MAX } from './trace.ts';

/** Collects calls in any order and gives them back in the order of time, to the microsecond as in files. */
export class Calls {
  readonly #calls: { readonly atMs: number; readonly model: number }[] = [];

  /** @throws {Bug} beyond {@link TRACE_CALLS_MAX} calls. */
  add(atMs: number, model: number): void {
    assert(this.#calls.length < TRACE_CALLS_MAX, `a trace has at most ${TRACE_CALLS_MAX} calls`);
    this.#calls.push({ atMs: Math.round(atMs * 1000) / 1000, model });
  }

  /** Equal instants stay in the order in which they were added. */
  sorted(): Pick<Trace, 'atMs' | 'called'> {
    const sorted = this.#calls.toSorted((a, b) => a.atMs - b.atMs);
    return { atMs: Float64Array.from(sorted, ({ atMs }) => atMs), called: Uint32Array.from(sorted, ({ model }) => model) };
  }
}
