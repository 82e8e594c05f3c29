/** The door of the room: what a manifest says, or everything that is wrong with it, and what to register for it. */
export { LABELS_MAX, type Metadata } from './metadata.ts';
export { COPIES_MAX, SESSIONS_MAX } from './model-manifest.ts';
export { KSERVE_API_VERSION, MESH_API_VERSION, parseManifest } from './parse-manifest.ts';
export { inferenceServiceModelKey, planEndpoint, planInferenceService, planModel, typeString } from './plan.ts';
export { fieldPath, itemPath, PROBLEMS_MAX, type Problem, problemText } from './problem.ts';
export { parseDuration, parseQuantity } from './quantity.ts';
export type { EndpointResource, InferenceServiceResource, ManifestResult, ModelResource, Resource } from './resource.ts';
export { parseStaticModels, STATIC_MODELS_MAX, type StaticModel, type StaticModelsResult } from './static-models.ts';
export { isRelativePath, STORAGE_PARAMETERS_MAX, type StorageSource, uriOf } from './storage-source.ts';
export { suggest } from './suggest.ts';
