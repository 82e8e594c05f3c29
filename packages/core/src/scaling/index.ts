/** The door of the room: how many copies a model has. */
export { BUSYNESS_SAMPLE_MS, BUSYNESS_SAMPLES_MAX, BUSYNESS_WINDOW_MS, Busyness, type BusynessUnit } from './busyness.ts';
export { type ClusterFacts, type Fullness, freeShare, type TypeFacts } from './cluster-facts.ts';
export {
  CALLS_PER_MINUTE_BOUND_MIN,
  CHECK_SHARE_MIN,
  CONCURRENCY_PERCENT_RANGE,
  checkScalingConfig,
  DEFAULT_SCALING_CONFIG,
  type ScalingConfig,
} from './config.ts';
export { CopyScaler, type CountedCopy } from './copy-scaler.ts';
export type { CallSamples, CopyCounters, CopyReading, CopyUse, UseWindow } from './copy-use.ts';
export { nextCopyUse, SAMPLES_MIN, UseTracker } from './copy-use.ts';
export type {
  AddCopies,
  HeldBack,
  HeldRule,
  KeepCopy,
  KeepRule,
  ProposeSecondCopy,
  RemovalRule,
  RemoveCopy,
  ScaleDownDecision,
  ScaleUpDecision,
  ScaleUpReason,
  ScaleUpStep,
} from './decision.ts';
export {
  type BusyCopy,
  HOT_COOL_DOWN_MS,
  HOT_LOOK_EXPIRES_MS,
  HOT_LOOKS_APART_MS,
  HOT_SHRINKING_SHARE,
  HotWatch,
  hotBound,
} from './hot-watch.ts';
export { type CopyLoad, callsPerMinuteBound, copyLoad, HEAVY_RATIO, type LoadMeasure, SAMPLES_TO_JUDGE_MIN } from './load.ts';
export { assumeLoadedAfterDefault, LOAD_TIME_TYPES_MAX, LoadTimes } from './load-times.ts';
export {
  decideScaleDown,
  HEAVY_SECOND_COPY_IDLE_MAX_MS,
  heavyPauseMs,
  type IdleCopy,
  MOVED_AGE_MAX_MS,
  MOVED_FREE_SHARE_MIN,
  type ScaleDownView,
  SECOND_COPY_IDLE_MAX_MS,
  SECOND_COPY_IDLE_SHARE,
  SPACE_WANTED_FREE_SHARE,
  SURPLUS_AGE_MIN_MS,
  SURPLUS_QUEUED_MAX,
  SURPLUS_RATIO_MAX,
  secondCopyIdleMs,
  UNLOAD_PAUSE_MS,
} from './scale-down.ts';
export { mayRemove, REMOVED_SHARE_MAX, type ScaleDownPass, scaleDownPass } from './scale-down-pass.ts';
export {
  decideScaleUp,
  LAST_USED_AHEAD_MS,
  type ScaleUpView,
  SECOND_COPY_FREE_SHARE_MIN,
  type ServingCopy,
  secondCopyCacheAgeMinMs,
} from './scale-up.ts';
export { SCALE_UP_FORGOTTEN_MS, ScaleUpBudget } from './scale-up-budget.ts';
export { type RegularUse, regularUseAge, type UseMarks, withUse } from './use-marks.ts';
export { missingCopies, WANTED_MODELS_MAX } from './wanted-copies.ts';
