import { type Clock, durationMs, type MonotonicMs } from '@modelmesh/core';

/** How often it is looked at which names are used most, at most: it costs a look at all of them. */
export const REVIEW_EVERY_MS = durationMs(10_000);
/** A name without series of its own takes the place of another one when it is used so many times as often: less would be noise. */
export const TAKES_PLACE_FROM = 2;

/** Of one name: counts its uses, and says where they are measured now. */
export interface BudgetedSeries<Series> {
  /** The series to measure one use in: the name's own, or those of all others. */
  use(): Series;
}

interface Named<Series> extends BudgetedSeries<Series> {
  readonly name: string;
  own: Series | undefined;
  /** Whoever kept it may measure on: with the others, since the name may have come back meanwhile. */
  forgotten: boolean;
  /** Lately: halved at each review. */
  uses: number;
}

/** What a {@link CardinalityBudget} does with series. */
export interface SeriesMaker<Series> {
  /** Series of a name; `null`: of all those that have none. They are shown from now on. */
  make(name: string | null): Series;
  /** A name gives its place away: what was measured goes to those of all others, and its series are shown no more. */
  fold(from: Series, into: Series): void;
}

/**
 * Series of their own for the names that are used most, `max` of them, and one for all others. Nothing that was measured is lost when a name gives its
 * place to another: it is added to the others, so that the sum over all series is always that of everything measured.
 */
export class CardinalityBudget<Series> {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #maker: SeriesMaker<Series>;
  readonly #names = new Map<string, Named<Series>>();
  #shown = 0;
  #others: Series | undefined;
  #reviewFromMs: MonotonicMs;

  constructor(max: number, clock: Clock, maker: SeriesMaker<Series>) {
    this.#max = max;
    this.#clock = clock;
    this.#maker = maker;
    this.#reviewFromMs = this.#nextReview();
  }

  /** Names that are known, and how many of them have series of their own. */
  get figures(): { readonly known: number; readonly shown: number } {
    return { known: this.#names.size, shown: this.#shown };
  }

  /** Whether a name has been measured under and not forgotten. */
  knows(name: string): boolean {
    return this.#names.has(name);
  }

  /** The series of all names that have none of their own. */
  get others(): Series {
    this.#others ??= this.#maker.make(null);
    return this.#others;
  }

  /** The series of a name, to be kept by who measures. */
  of(name: string): BudgetedSeries<Series> {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const named: Named<Series> = { name, own: undefined, forgotten: false, uses: 0, use: () => this.#use(named) };
    this.#names.set(name, named);
    return named;
  }

  /** Nobody measures under this name any more; what was measured stays, with the others. */
  forget(name: string): void {
    const named = this.#names.get(name);
    if (named === undefined) return;
    this.#hide(named);
    named.forgotten = true;
    this.#names.delete(name);
  }

  #use(named: Named<Series>): Series {
    named.uses += 1;
    if (named.own !== undefined) return named.own;
    if (named.forgotten) return this.others;
    if (this.#shown < this.#max) return this.#show(named);
    if (this.#clock.monotonicMs() >= this.#reviewFromMs) this.#review();
    return named.own ?? this.others;
  }

  #show(named: Named<Series>): Series {
    named.own = this.#maker.make(named.name);
    this.#shown += 1;
    return named.own;
  }

  #hide(named: Named<Series>): void {
    if (named.own === undefined) return;
    this.#maker.fold(named.own, this.others);
    named.own = undefined;
    this.#shown -= 1;
  }

  #review(): void {
    this.#reviewFromMs = this.#nextReview();
    const byUse = [...this.#names.values()].toSorted((a, b) => b.uses - a.uses);
    const waiting = byUse.filter(({ own }) => own === undefined);
    const least = byUse.filter(({ own }) => own !== undefined).toReversed();
    for (const [at, named] of waiting.entries()) {
      const worse = least[at];
      if (worse === undefined || named.uses < TAKES_PLACE_FROM * Math.max(1, worse.uses)) break;
      this.#hide(worse);
      this.#show(named);
    }
    for (const named of byUse) named.uses = Math.floor(named.uses / 2);
  }

  #nextReview(): MonotonicMs {
    return (this.#clock.monotonicMs() + REVIEW_EVERY_MS) as MonotonicMs;
  }
}
