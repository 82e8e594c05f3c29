/** What is wrong with a runtime at the moment; faults change it, and it outlives the lives of its node. */
export class RuntimeMoods {
  /** Loads take so many times longer. */
  loadFactor = 1;
  /** Share of loads that fail. */
  refusedLoads = 0;
  hangingUnloads = false;
  /** Share of unloads that fail. */
  failingUnloads = 0;
  /** Share of calls that are answered with UNAVAILABLE. */
  unavailableAnswers = 0;
  /** When answers were last anything but right. */
  answersDisturbedMs = Number.NEGATIVE_INFINITY;

  /** Whether unloads are not what they should be. */
  get disturbUnloads(): boolean {
    return this.hangingUnloads || this.failingUnloads > 0;
  }

  /** Whether answers have not been right all the time since `atMs`. */
  disturbedSince(atMs: number): boolean {
    return this.unavailableAnswers > 0 || this.answersDisturbedMs >= atMs;
  }
}
