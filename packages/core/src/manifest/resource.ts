import type { CopiesPolicy, EndpointPolicy, ModelFormat, RetryPolicy } from '../records/index.ts';
import type { Bytes, EndpointId, ModelKey } from '../units.ts';
import type { Metadata } from './metadata.ts';
import type { Problem } from './problem.ts';
import type { StorageSource } from './storage-source.ts';

/** API group and version of our own kinds. */
export const MESH_API_VERSION = 'modelmesh.io/v1alpha1';

/** API group and version of KServe's InferenceService. */
export const KSERVE_API_VERSION = 'serving.kserve.io/v1beta1';

/** A `Model` of `modelmesh.io/v1alpha1`. */
export interface ModelResource {
  readonly kind: 'Model';
  readonly metadata: Metadata;
  /** `family@version`, or the name where there is no family. */
  readonly key: ModelKey;
  readonly family: string | undefined;
  readonly version: string | undefined;
  readonly format: ModelFormat | undefined;
  readonly storage: StorageSource;
  /** Name of a serving runtime; `undefined` = chosen by format. */
  readonly runtime: string | undefined;
  readonly memoryBytes: Bytes | undefined;
  readonly copies: CopiesPolicy;
  readonly retry: RetryPolicy;
  /** Sessions within one copy that run at once; `undefined` = one. */
  readonly instances: number | undefined;
}

/** An `Endpoint` of `modelmesh.io/v1alpha1`. */
export interface EndpointResource {
  readonly kind: 'Endpoint';
  readonly metadata: Metadata;
  readonly id: EndpointId;
  readonly policy: EndpointPolicy;
}

/** What a predictor of an InferenceService says of its model. */
export interface PredictorModel {
  readonly format: ModelFormat;
  readonly storage: StorageSource;
  readonly runtime: string | undefined;
  readonly protocolVersion: string | undefined;
}

/** A named variant beside the predictor of an InferenceService (`spec.canary[]`, spec `kserve.md` §1.7). */
export interface ServiceCanary extends PredictorModel {
  readonly name: string;
  /** 0 to 100; together with the others at most 100. */
  readonly trafficPercent: number;
}

/** An `InferenceService` of `serving.kserve.io/v1beta1`, as far as it is honoured (spec `modelmesh-serving.md` §1.2, `kserve.md` §1.7, §2.4). */
export interface InferenceServiceResource extends PredictorModel {
  readonly kind: 'InferenceService';
  readonly metadata: Metadata;
  /** `predictor.name`: what the predictor's variant is called beside canaries. */
  readonly predictorName: string | undefined;
  /** Share of the newest predictor, 0 to 100; `undefined`: all. */
  readonly canaryTrafficPercent: number | undefined;
  readonly canaries: readonly ServiceCanary[];
}

/** Any manifest that was read. */
export type Resource = ModelResource | EndpointResource | InferenceServiceResource;

/** What reading a manifest came to: a resource, or everything that is wrong with it at once. */
export type ManifestResult =
  | { readonly ok: true; readonly resource: Resource; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };
