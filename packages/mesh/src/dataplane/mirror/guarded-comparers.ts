import { type Clock, type DurationMs, durationMs, MeshError } from '@modelmesh/core';
import type { ComparePolicy } from '@modelmesh/core/records';
import { type AnswerMessage, COMPARERS, type Comparer, type Comparison, comparisonProblem } from '@modelmesh/core/traffic';

/** So long a plug-in may take to compare two messages: the calls that come meanwhile wait for it. */
export const COMPARE_WITHIN_MS: DurationMs = durationMs(50);
/** Comparisons in a row that take longer, after which the worker does not ask the comparer any more. */
export const SLOW_IN_A_ROW_MAX = 3;

/** Comparers by their names: those of the core, and those of plug-ins, of which nothing is taken on trust. */
export class GuardedComparers {
  readonly #clock: Clock;
  readonly #plugins: ReadonlyMap<string, Comparer>;
  readonly #guarded = new Map<string, GuardedComparer>();

  /** @param plugins by name; may grow as long as plug-ins are being loaded */
  constructor(plugins: ReadonlyMap<string, Comparer>, clock: Clock) {
    this.#clock = clock;
    this.#plugins = plugins;
  }

  /** The comparer of that name. @throws {MeshError} `invalid-argument` where this node has none */
  of(name: string): Comparer {
    const found = Object.values<Comparer>(COMPARERS).find((one) => one.name === name) ?? this.#plugin(name);
    if (found === undefined) throw new MeshError('invalid-argument', `there is no comparer ${JSON.stringify(name)} at this node`);
    return found;
  }

  #plugin(name: string): Comparer | undefined {
    const known = this.#guarded.get(name);
    if (known !== undefined) return known;
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return undefined;
    const guarded = new GuardedComparer(plugin, this.#clock);
    this.#guarded.set(name, guarded);
    return guarded;
  }
}

/** A plug-in's comparer: what it throws, what it gives and how long it takes is looked at. */
class GuardedComparer implements Comparer {
  readonly name: string;
  readonly #comparer: Comparer;
  readonly #clock: Clock;
  #slowInARow = 0;

  constructor(comparer: Comparer, clock: Clock) {
    this.name = comparer.name;
    this.#comparer = comparer;
    this.#clock = clock;
  }

  compare(live: AnswerMessage, shadow: AnswerMessage, policy: ComparePolicy): Comparison {
    if (this.#slowInARow >= SLOW_IN_A_ROW_MAX)
      throw this.#failed(
        `it is not asked any more: ${SLOW_IN_A_ROW_MAX} times in a row it took longer than ${COMPARE_WITHIN_MS} ms`,
      );
    const startedMs = this.#clock.monotonicMs();
    let found: Comparison;
    try {
      found = this.#comparer.compare(live, shadow, policy);
    } catch (error) {
      if (error instanceof MeshError) throw error;
      // A plug-in's own words are for whoever wrote it.
      throw this.#failed(error instanceof Error ? error.message : String(error), error);
    } finally {
      this.#slowInARow = this.#clock.monotonicMs() - startedMs > COMPARE_WITHIN_MS ? this.#slowInARow + 1 : 0;
    }
    const problem = comparisonProblem(found);
    if (problem !== null) throw this.#failed(problem);
    return found;
  }

  #failed(why: string, cause?: unknown): MeshError {
    return new MeshError('internal', `the comparer ${this.name} failed: ${why}`, cause === undefined ? {} : { cause });
  }
}
