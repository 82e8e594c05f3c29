/** A mistake in production code, as somebody could make it. */
export interface PlantedBug {
  readonly name: string;
  /** What goes wrong for whom. */
  readonly breaks: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly was: string;
  readonly becomes: string;
}
