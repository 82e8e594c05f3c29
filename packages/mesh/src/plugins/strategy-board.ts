/** Numbers of strategies in the path of requests, which every thread of the node reads and writes without a message. */

/** Why a strategy is not asked any more on this node until that starts again; `on`: it is asked. */
export type StrategyState = 'on' | 'throws' | 'slow' | 'endless';

const STATES: readonly StrategyState[] = ['on', 'throws', 'slow', 'endless'];

/** What is counted of a strategy's answers. `threw`: also for an answer that names no variant with a weight. `late`: not within the wait. */
export const ANSWER_KINDS = ['picked', 'left', 'threw', 'late'] as const;
/** One of {@link ANSWER_KINDS}. */
export type AnswerKind = (typeof ANSWER_KINDS)[number];

const WORDS = 1 + ANSWER_KINDS.length;

/** What every thread of a node knows of its strategies in the path of requests. */
export class StrategyBoard {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory of other threads, to share it; new one for so many strategies without it */
  constructor(strategies: number, memory = new SharedArrayBuffer(Math.max(1, strategies) * WORDS * 4)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  stateOf(strategy: number): StrategyState {
    return STATES[Atomics.load(this.#words, strategy * WORDS)] ?? 'on';
  }

  /** It is barred: nobody asks it any more. True: it was asked until now. */
  bar(strategy: number, state: Exclude<StrategyState, 'on'>): boolean {
    return Atomics.compareExchange(this.#words, strategy * WORDS, 0, STATES.indexOf(state)) === 0;
  }

  count(strategy: number, answer: AnswerKind): void {
    Atomics.add(this.#words, strategy * WORDS + 1 + ANSWER_KINDS.indexOf(answer), 1);
  }

  /** Since the start, by what became of the question. */
  counts(strategy: number): ReadonlyMap<AnswerKind, number> {
    return new Map(ANSWER_KINDS.map((kind, at) => [kind, Atomics.load(this.#words, strategy * WORDS + 1 + at) >>> 0]));
  }
}
