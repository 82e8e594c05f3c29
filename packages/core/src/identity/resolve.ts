import { MeshError } from '../errors.ts';
import { type EndpointId, endpointId, type ModelKey, modelKey, type Namespace } from '../units.ts';
import { idProblem, isVersion, versionedKey } from './names.ts';

/** What resolution looks names up in; every answer takes constant time. The registry view is one. */
export interface NameIndex {
  hasModel(namespace: Namespace, key: ModelKey): boolean;
  /** The models that an endpoint refers to, or `undefined` if there is no such endpoint. */
  endpointModels(namespace: Namespace, id: EndpointId): { readonly active: ModelKey; readonly target: ModelKey } | undefined;
  /** The version of a family that answers for it, or `undefined` if no model names the family. */
  newestOf(namespace: Namespace, family: string): ModelKey | undefined;
}

/** A name as the Open Inference Protocol or the V1 protocol gives it. */
export interface NameRequest {
  readonly namespace: Namespace;
  readonly name: string;
  /** From `/versions/<v>` or `model_version`; empty or `undefined` = none. */
  readonly version?: string | undefined;
}

/** What a name means. */
export type Resolution =
  /** A policy decides; `model` is what answers where it has a single variant. */
  | { readonly kind: 'endpoint'; readonly id: EndpointId; readonly model: ModelKey }
  /** A model, by its key, as the newest of its family or as the version that was asked for. */
  | { readonly kind: 'model'; readonly key: ModelKey; readonly by: 'key' | 'family' | 'version' }
  | { readonly kind: 'unresolved'; readonly error: MeshError };

const unresolved = (error: MeshError): Resolution => ({ kind: 'unresolved', error });
const quoted = (name: string): string => JSON.stringify(name);

/** The meaning of an OIP or V1 name: the endpoint, else the key, else the newest servable version of the family; with a version only that. */
export function resolveName(index: NameIndex, request: NameRequest): Resolution {
  const { namespace, name, version } = request;
  const problem = idProblem(name);
  if (problem !== undefined) return unresolved(new MeshError('invalid-argument', `the model name ${problem}`));
  if (version !== undefined && version !== '') return resolveVersion(index, namespace, name, version);
  if (index.endpointModels(namespace, endpointId(name)) !== undefined) return resolveEndpointId(index, namespace, name);
  const key = modelKey(name);
  if (index.hasModel(namespace, key)) return { kind: 'model', key, by: 'key' };
  const newest = index.newestOf(namespace, name);
  if (newest !== undefined) return { kind: 'model', key: newest, by: 'family' };
  return unresolved(
    new MeshError('model-not-found', `model ${quoted(name)} not found: no endpoint, model or family has this name`),
  );
}

/** A version names one model and never asks the policy of the endpoint that may have the same name. */
function resolveVersion(index: NameIndex, namespace: Namespace, name: string, version: string): Resolution {
  if (!isVersion(version)) {
    return unresolved(
      new MeshError(
        'invalid-argument',
        `version ${quoted(version)} must be 1 to 63 letters, digits, dots, dashes or underscores`,
      ),
    );
  }
  const key = versionedKey(name, version);
  if (index.hasModel(namespace, key)) return { kind: 'model', key, by: 'version' };
  return unresolved(
    new MeshError(
      'model-not-found',
      `version ${quoted(version)} of model ${quoted(name)} not found: no model has the key ${quoted(key)}`,
    ),
  );
}

/** The meaning of `mm-model-id`: a key and nothing else (spec `modelmesh.md` §2.2). */
export function resolveModelId(index: NameIndex, namespace: Namespace, id: string): Resolution {
  if (id === '') return unresolved(new MeshError('invalid-argument', 'provided model-id header must be non-empty'));
  const key = modelKey(id);
  return index.hasModel(namespace, key)
    ? { kind: 'model', key, by: 'key' }
    : unresolved(new MeshError('model-not-found', 'model not found'));
}

/**
 * The meaning of `mm-vmodel-id`: an endpoint and nothing else. Where its active model is not registered (it was just replaced and one of
 * the two records is late), the target answers (spec `modelmesh.md` §5.5).
 */
export function resolveEndpointId(index: NameIndex, namespace: Namespace, text: string): Resolution {
  if (text === '') return unresolved(new MeshError('invalid-argument', 'provided vmodel-id header must be non-empty'));
  const id = endpointId(text);
  const models = index.endpointModels(namespace, id);
  if (models === undefined) return unresolved(new MeshError('endpoint-not-found', 'vmodel not found'));
  const model = [models.active, models.target].find((key) => index.hasModel(namespace, key));
  if (model !== undefined) return { kind: 'endpoint', id, model };
  return unresolved(new MeshError('internal', `vmodel ${text} refers to model ${models.active}, which is not registered`));
}

/** The sentence to warn with where an endpoint takes the name of a model: its plain name no longer reaches that model. */
export function hiddenKeyWarning(index: NameIndex, namespace: Namespace, id: EndpointId): string | undefined {
  if (index.endpointModels(namespace, id) === undefined || !index.hasModel(namespace, modelKey(id))) return undefined;
  return `endpoint ${quoted(id)} hides the model of the same key: calls by this name go to the endpoint; mm-model-id still reaches the model`;
}
