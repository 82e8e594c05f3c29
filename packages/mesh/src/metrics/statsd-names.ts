import { UNIT_BYTES } from '@modelmesh/core';

/** Counters that only StatsD has: Prometheus has the count of the histogram. */
export type StatsDCounter =
  | 'modelmesh_invoke_model'
  | 'modelmesh_api_request'
  | 'modelmesh_cache_miss'
  | 'modelmesh_loadmodel'
  | 'modelmesh_unloadmodel'
  | 'modelmesh_model_evicted';

/** Older names of ModelMesh's metrics, after `model-mesh.`; those of calls are followed by the method. Source: ModelMesh's `Metric`. */
export const LEGACY_NAMES = {
  modelmesh_invoke_model: 'invoke-',
  modelmesh_invoke_model_milliseconds: 'invoke-',
  modelmesh_api_request: 'api-',
  modelmesh_api_request_milliseconds: 'api-',
  modelmesh_request_size_bytes: 'reqSize-',
  modelmesh_response_size_bytes: 'respSize-',
  modelmesh_cache_miss: 'cacheMiss',
  modelmesh_cache_miss_milliseconds: 'cacheMiss',
  modelmesh_loadmodel: 'loadModel',
  modelmesh_loadmodel_milliseconds: 'loadModel',
  modelmesh_unloadmodel: 'unloadModel',
  modelmesh_unloadmodel_milliseconds: 'unloadModel',
  modelmesh_req_queue_delay_milliseconds: 'queueDelay',
  modelmesh_loading_queue_delay_milliseconds: 'loadModelQueueDelay',
  modelmesh_model_sizing_milliseconds: 'sizeModel',
  modelmesh_loadmodel_failure: 'loadModel-failed',
  modelmesh_unloadmodel_failure: 'unloadModel-failure',
  modelmesh_unloadmodel_attempt_failure: 'unloadModel-attemptFailed',
  modelmesh_model_evicted: 'cache_evictModel',
  modelmesh_age_at_eviction_milliseconds: 'cache_evictModel',
  modelmesh_loaded_model_size_bytes: 'mmModelSizeBytes',
  modelmesh_models_loaded_total: 'modelsLoaded',
  modelmesh_models_with_failure_total: 'modelsWithLoadFailure',
  modelmesh_models_managed_total: 'modelsManaged',
  modelmesh_instance_lru_seconds: 'localLruTimestamp',
  modelmesh_instance_lru_age_seconds: 'localLruAge',
  modelmesh_instance_capacity_bytes: 'totalCapacity',
  modelmesh_instance_used_bytes: 'totalUsed',
  modelmesh_instance_used_bps: 'capacityUsage',
  modelmesh_instance_models_total: 'modelCount',
} as const;

/** A metric that goes to StatsD. */
export type StatsDName = keyof typeof LEGACY_NAMES;

/** What stands before every older name. */
export const LEGACY_PREFIX = 'model-mesh.';
/** What stands behind every newer one, so that the two kinds are told apart in one store. */
export const STATSD_SUFFIX = '_statsd';

/** Gauges that the older names count in units of 8 KiB. */
const IN_UNITS: ReadonlySet<StatsDName> = new Set<StatsDName>([
  'modelmesh_instance_capacity_bytes',
  'modelmesh_instance_used_bytes',
]);

/** The value of a gauge under its older name. */
export const legacyValue = (name: StatsDName, value: number): number =>
  IN_UNITS.has(name) ? Math.floor(value / UNIT_BYTES) : value;
