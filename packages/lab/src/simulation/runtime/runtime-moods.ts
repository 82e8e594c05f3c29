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
}
