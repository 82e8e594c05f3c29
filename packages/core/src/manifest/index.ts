/** The door of the room: what a manifest says, or everything that is wrong with it, and what to register for it. */
export { type EndpointManifest, endpointManifestOf } from './endpoint-manifest.ts';
export { CANARIES_MAX } from './inference-service-manifest.ts';
export { type InferenceServiceStatus, inferenceServiceStatus } from './inference-service-status.ts';
export { LABELS_MAX, type Metadata } from './metadata.ts';
export { COPIES_MAX, SESSIONS_MAX } from './model-manifest.ts';
export { parseManifest } from './parse-manifest.ts';
export { planEndpoint, planModel, typeString } from './plan.ts';
export {
  decideInferenceService,
  type InferenceServicePlan,
  inferenceServiceModelKey,
  planInferenceService,
  type ServiceEndpoint,
} from './plan-inference-service.ts';
export {
  endpointSpecOf,
  MIRRORS_MAX,
  PAYLOAD_FIELDS_MAX,
  RULES_MAX,
  SALT_CHARS_MAX,
  VARIANT_LABELS_MAX,
  VARIANTS_MAX,
  VERSIONS_KEPT_MAX,
} from './policy/index.ts';
export { fieldPath, itemPath, PROBLEMS_MAX, type Problem, problemText } from './problem.ts';
export { durationText, parseDuration, parseQuantity } from './quantity.ts';
export {
  type EndpointResource,
  type InferenceServiceResource,
  KSERVE_API_VERSION,
  type ManifestResult,
  MESH_API_VERSION,
  type ModelResource,
  type PredictorModel,
  type Resource,
  type ServiceCanary,
} from './resource.ts';
export { importSeldon, type PlainManifest, SELDON_API_VERSION, type SeldonImport } from './seldon/index.ts';
export { parseStaticModels, STATIC_MODELS_MAX, type StaticModel, type StaticModelsResult } from './static-models.ts';
export { isRelativePath, STORAGE_PARAMETERS_MAX, type StorageSource, uriOf } from './storage-source.ts';
export { suggest } from './suggest.ts';
