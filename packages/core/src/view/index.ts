/** The door of the room: the picture of the registry. */
export { type Dirty, isClean, type Scoped } from './dirty.ts';
export { failingUntilMs, isServable } from './family-index.ts';
export type { ModelCounts } from './namespace-index.ts';
export { LOAD_FAILURE_EXPIRY_MS, REMEMBERED_DELETIONS_MAX, RegistryView, type RegistryViewOptions } from './registry-view.ts';
