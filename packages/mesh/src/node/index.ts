/** The door of the room: control of one node, its loops and its lifetime. */
export {
  type Applied,
  type ApplyOptions,
  type CallPreview,
  type Control,
  type EndpointDetail,
  EXPLAINED_MAX,
  type MadeDecision,
  type MeshDecisions,
  type MeshDiffs,
  type ModelDetail,
  type ModelMemory,
  type NodeEvent,
  type Page,
  type PageRequest,
  type PastPolicy,
  type PreviewedCall,
} from './control.ts';
export type { CacheMetrics } from './copies/index.ts';
export { EVENT_LISTENERS_MAX, EVENTS_KEPT_MAX, type Events } from './events.ts';
export { loadModel } from './load-model.ts';
export { checkStaticModels, readStaticModels, registerStaticModels, type StaticModels } from './management/index.ts';
export type { LimitName } from './reached-limits.ts';
export type { ParameterOverrides } from './registry/index.ts';
export { ALONE, type ControlSetup, type InstanceFigures, type RunningControl, startControl } from './start-control.ts';
export { NO_WEIGHTS_PLUGINS, type WeightsPlugins } from './strategies/index.ts';
export { systemClock } from './system-clock.ts';
export { systemRandom } from './system-random.ts';
