import {
  type BroughtModel,
  decideApplyEndpoint,
  decideSetEndpoint,
  type EndpointDecision,
  type EndpointEnv,
  type EndpointReader,
  INFERENCE_SERVICE_OWNER,
  type SetEndpointRequest,
} from '../endpoints/index.ts';
import { sha1Hex } from '../identity/index.ts';
import {
  DEFAULT_COPIES_POLICY,
  type EndpointPolicy,
  type EndpointRecord,
  type FallbackPolicy,
  newEndpointPolicy,
  newVariant,
  type Variant,
} from '../records/index.ts';
import { endpointId, type ModelKey, modelKey } from '../units.ts';
import { goJson } from './go-json.ts';
import { LATEST_NAME, PREVIOUS_NAME, STABLE_NAME } from './inference-service-manifest.ts';
import { asObject, keyJson, typeString } from './plan.ts';
import type { InferenceServiceResource, PredictorModel } from './resource.ts';

/** What an InferenceService makes of its endpoint. */
export type InferenceServicePlan =
  /** A vmodel and nothing else: the same records that ModelMesh's controller makes. */
  | { readonly kind: 'vmodel'; readonly request: Omit<SetEndpointRequest, 'loadNow' | 'force' | 'sync'> }
  /** Several predictors share the calls, or one has, and may come back. */
  | { readonly kind: 'policy'; readonly policy: EndpointPolicy; readonly models: readonly BroughtModel[] };

/** The endpoint of a service as it stands. */
export interface ServiceEndpoint {
  readonly record: Pick<EndpointRecord, 'active' | 'target'>;
  /** `null`: it is a vmodel. */
  readonly policy: EndpointPolicy | null;
}

/**
 * The key of an InferenceService's model, `<name>__isvc-<10 hex>`: the digest of the Predictor that ModelMesh's controller makes of it (spec
 * `modelmesh-serving.md` §2.4; verified against a recording). Any change of the predictor is a new model, and the way back is the old one.
 */
export function inferenceServiceModelKey(
  serviceName: string,
  { format, storage, runtime, protocolVersion }: PredictorModel,
): ModelKey {
  const predictor = {
    modelType: { name: format.name, version: format.version },
    path: '',
    storage: {
      path: storage.path,
      schemaPath: storage.schemaPath,
      parameters: asObject(storage.parameters),
      key: storage.key,
    },
    runtime: runtime === undefined ? undefined : { name: runtime },
    protocolVersion,
  };
  return modelKey(`${serviceName}__${INFERENCE_SERVICE_OWNER}-${sha1Hex(goJson(predictor)).slice(0, 10)}`);
}

/**
 * What becomes of the endpoint of a service when its manifest is applied: `spec.canary[]` (spec `kserve.md` §1.7), `canaryTrafficPercent`
 * (§2.4), or all calls to the one predictor.
 *
 * KServe remembers in a status which revision was rolled out and which one before. Here the policy itself does: the variant `latest` is the
 * predictor of the manifest; `prev` is the one rolled out before it while `latest` has less than all calls, and else the one to go back to.
 * Applying a manifest twice changes nothing.
 *
 * @param previous the endpoint as it stands; `undefined`: there is none
 */
export function planInferenceService(
  resource: InferenceServiceResource,
  previous: ServiceEndpoint | undefined,
): InferenceServicePlan {
  if (resource.canaries.length > 0) return { kind: 'policy', ...namedCanaries(resource) };
  const model = serviceModel(resource, resource);
  const share = resource.canaryTrafficPercent ?? FULL;
  const other = previous === undefined ? null : otherOf(model.key, pastOf(previous));
  // A service that never shared calls is left as ModelMesh has it, its old model gone with the switch.
  if (!hasPolicy(previous) && (other === null || share === FULL))
    return { kind: 'vmodel', request: vmodelRequest(resource, model) };
  return { kind: 'policy', models: [model], policy: newestAndOther(model.key, share, other) };
}

/**
 * Decides the application of an InferenceService on the records as they stand: asked again after a lost compare-and-set it plans anew.
 *
 * @remarks Errors: as `decideSetEndpoint` and `decideApplyEndpoint`
 */
export function decideInferenceService(
  reader: EndpointReader,
  resource: InferenceServiceResource,
  env: EndpointEnv,
): EndpointDecision {
  const { namespace, name } = resource.metadata;
  const id = endpointId(name);
  const stored = reader.endpoint(namespace, id);
  const policy = reader.policy(namespace, id)?.record.policy ?? null;
  const plan = planInferenceService(resource, stored && { record: stored.record, policy });
  const waits = { loadNow: false, force: false, sync: false };
  if (plan.kind === 'vmodel') return decideSetEndpoint(reader, { ...plan.request, ...waits }, env);
  const request = { namespace, id, owner: INFERENCE_SERVICE_OWNER, policy: plan.policy, models: plan.models, ...waits };
  return decideApplyEndpoint(reader, request, env);
}

const FULL = 100;

const hasPolicy = (endpoint: ServiceEndpoint | undefined): boolean => endpoint !== undefined && endpoint.policy !== null;

/** What is known of a service's past. */
export interface Past {
  /** The predictor that the last manifest had. */
  readonly latest: ModelKey;
  /** The one that has, or had last, all calls. */
  readonly rolledOut: ModelKey;
  /** The one that answers for the default variant, another than that as long as it is not loaded. */
  readonly answering: ModelKey;
  /** The one before that; `null`: none is remembered. */
  readonly before: ModelKey | null;
}

/** What an endpoint tells of the past of its service. */
export function pastOf({ record, policy }: ServiceEndpoint): Past {
  const byName = (name: string): Variant | undefined => policy?.variants.find((variant) => variant.name === name);
  const [latest, previous] = [byName(LATEST_NAME), byName(PREVIOUS_NAME)];
  // A vmodel, or a service that had named canaries until now.
  const answering = record.active;
  if (latest === undefined) return { latest: record.target, rolledOut: answering, answering, before: null };
  // While a transition goes on, what still answers is what was rolled out last.
  if (latest.weight === FULL) return { latest: latest.model, rolledOut: answering, answering, before: previous?.model ?? null };
  return { latest: latest.model, rolledOut: previous?.model ?? latest.model, answering, before: null };
}

/** The predictor beside the newest one, which shares the calls with it or is remembered for the way back; `null`: there is none. */
function otherOf(newest: ModelKey, { latest, rolledOut, answering, before }: Past): ModelKey | null {
  if (rolledOut !== newest) return rolledOut;
  // The manifest went back to what was rolled out by itself: there is nothing to go back to but what still answers for it.
  if (latest !== newest) return answering === newest ? null : answering;
  // It is rolled out. A share of less than all is the way back to the one before.
  return before;
}

/** The policy of a service without named canaries (spec `kserve.md` §2.4). */
function newestAndOther(newest: ModelKey, share: number, other: ModelKey | null): EndpointPolicy {
  if (other === null) return policyOf([newVariant({ name: LATEST_NAME, model: newest })], LATEST_NAME, null);
  const variants = [
    newVariant({ name: LATEST_NAME, model: newest, weight: share }),
    newVariant({ name: PREVIOUS_NAME, model: other, weight: FULL - share }),
  ];
  return policyOf(variants, share === FULL ? LATEST_NAME : PREVIOUS_NAME, PREVIOUS_NAME);
}

/** The predictor and its canaries: each has its share, the predictor what is left (spec `kserve.md` §1.7). */
function namedCanaries(resource: InferenceServiceResource): {
  readonly policy: EndpointPolicy;
  readonly models: readonly BroughtModel[];
} {
  const { canaries } = resource;
  const stableName = resource.predictorName ?? STABLE_NAME;
  const stable = serviceModel(resource, resource);
  const models = canaries.map((canary) => serviceModel(resource, canary));
  const left = FULL - canaries.reduce((sum, { trafficPercent }) => sum + trafficPercent, 0);
  const variants = [
    newVariant({ name: stableName, model: stable.key, weight: left }),
    ...canaries.map(({ name, trafficPercent }, at) =>
      newVariant({ name, model: models[at]?.key ?? stable.key, weight: trafficPercent }),
    ),
  ];
  const distinct = new Map([stable, ...models].map((model) => [model.key, model]));
  return { policy: policyOf(variants, stableName, stableName), models: [...distinct.values()] };
}

/**
 * A candidate whose model cannot be loaded gets no calls: the one before it keeps them. What a candidate answers, errors included, is its answer,
 * as with KServe.
 */
function policyOf(variants: readonly Variant[], defaultVariant: string, keeper: string | null): EndpointPolicy {
  const fallback: FallbackPolicy | null = keeper === null ? null : { on: [], to: keeper, timeoutMs: null };
  return newEndpointPolicy({ variants, defaultVariant, fallback });
}

function serviceModel({ metadata }: InferenceServiceResource, predictor: PredictorModel): BroughtModel {
  const { format, storage, runtime, protocolVersion } = predictor;
  return {
    key: inferenceServiceModelKey(metadata.name, predictor),
    info: {
      type: typeString(format, runtime, protocolVersion),
      path: storage.path,
      encKey: keyJson(storage, format),
    },
    description: { format, labels: metadata.labels, copiesPolicy: DEFAULT_COPIES_POLICY, sha256: storage.sha256 },
    autoDelete: true,
  };
}

const vmodelRequest = (
  { metadata }: InferenceServiceResource,
  { key, info, description, autoDelete }: BroughtModel,
): Omit<SetEndpointRequest, 'loadNow' | 'force' | 'sync'> => ({
  namespace: metadata.namespace,
  vModelId: metadata.name,
  owner: INFERENCE_SERVICE_OWNER,
  targetModelId: key,
  modelInfo: info,
  modelDescription: description,
  autoDeleteTargetModel: autoDelete,
  updateOnly: false,
  expectedTargetModelId: '',
});
