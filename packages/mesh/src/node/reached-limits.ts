/** Limits of control whose refusals are counted: what stands in `docs/reference/metrics.md` for each is in the table of the metrics. */
export const LIMIT_NAMES = [
  'copy-waiters',
  'explain-questions',
  'file-releases',
  'gone-instances',
  'parameters',
  'proposals',
  'strategy-figures',
] as const;
/** One of {@link LIMIT_NAMES}. */
export type LimitName = (typeof LIMIT_NAMES)[number];

/** How often each limit of this node's control was reached: something was refused or left out for it. */
export class ReachedLimits {
  readonly #counts = new Map<LimitName, number>(LIMIT_NAMES.map((name) => [name, 0]));

  /** Something was refused or left out. */
  add(name: LimitName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Since the start, all of them. */
  counts(): ReadonlyMap<LimitName, number> {
    return this.#counts;
  }
}
