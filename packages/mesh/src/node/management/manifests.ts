import { type Clock, DEFAULT_NAMESPACE, type EndpointId, endpointId, MeshError, type ModelKey, modelKey } from '@modelmesh/core';
import { ENDPOINT_MANIFEST_OWNER, INFERENCE_SERVICE_OWNER } from '@modelmesh/core/endpoints';
import { hiddenKeyWarning } from '@modelmesh/core/identity';
import {
  decideInferenceService,
  type EndpointResource,
  type InferenceServiceResource,
  isRelativePath,
  type ModelResource,
  parseManifest,
  planEndpoint,
  planModel,
  problemText,
  type Resource,
} from '@modelmesh/core/manifest';
import type { PolicyRevision } from '@modelmesh/core/records';
import { decideApplyModel } from '@modelmesh/core/registration';
import type { Applied, ApplyOptions } from '../control.ts';
import type { LocalCopies } from '../copies/index.ts';
import type { PolicyAcks } from '../policies/index.ts';
import type { RegistryMirror } from '../registry/index.ts';
import { EndpointEdits, type MadeEdit } from './endpoint-edits.ts';
import type { Management } from './management.ts';

/** Applies manifests and deletes what they made. */
export class Manifests {
  readonly edits: EndpointEdits;
  readonly #mirror: RegistryMirror;
  readonly #management: Management;
  readonly #copies: LocalCopies;
  readonly #clock: Clock;
  readonly #readOnly: boolean;

  constructor(parts: {
    readonly mirror: RegistryMirror;
    readonly management: Management;
    readonly copies: LocalCopies;
    readonly acks: PolicyAcks;
    readonly clock: Clock;
    readonly readOnly: boolean;
  }) {
    this.edits = new EndpointEdits(parts);
    this.#mirror = parts.mirror;
    this.#management = parts.management;
    this.#copies = parts.copies;
    this.#clock = parts.clock;
    this.#readOnly = parts.readOnly;
  }

  /** Applies one manifest. @throws {MeshError} `invalid-argument` with everything that is wrong with it. */
  async apply(manifest: unknown, signal: AbortSignal, options: ApplyOptions = {}): Promise<Applied> {
    const parsed = parseManifest(manifest);
    if (!parsed.ok) throw new MeshError('invalid-argument', parsed.problems.map(problemText).join('\n'));
    const { resource } = parsed;
    if (resource.metadata.namespace !== DEFAULT_NAMESPACE) {
      const got = resource.metadata.namespace;
      throw new MeshError(
        'invalid-argument',
        `metadata.namespace: got "${got}", only "${DEFAULT_NAMESPACE}" is supported by this version`,
      );
    }
    if (options.dryRun === true && resource.kind === 'Model')
      throw new MeshError('invalid-argument', 'a Model cannot be tried without changing anything, only what makes an endpoint');
    const applied = await this.#applyResource(resource, options, signal);
    return { ...applied, warnings: [...parsed.warnings.map(problemText), ...applied.warnings] };
  }

  /** Deletes what a manifest of that kind and name made. @throws {MeshError} `not-found`, or why it cannot go. */
  async delete(kind: Applied['kind'], name: string): Promise<void> {
    switch (kind) {
      case 'Model':
        await this.#deleteModel(name);
        return;
      case 'Endpoint':
        await this.#deleteEndpoint(name, ENDPOINT_MANIFEST_OWNER);
        return;
      case 'InferenceService':
        await this.#deleteEndpoint(name, INFERENCE_SERVICE_OWNER);
    }
  }

  #applyResource(resource: Resource, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
    switch (resource.kind) {
      case 'Model':
        return this.#applyModel(resource);
      case 'Endpoint':
        return this.#applyEndpoint(resource, options, signal);
      case 'InferenceService':
        return this.#applyInferenceService(resource, options, signal);
    }
  }

  async #applyModel(resource: ModelResource): Promise<Applied> {
    const request = planModel(resource);
    await this.#management.ownWritesDone(request.key);
    const decision = await this.#mirror.change(() => {
      const decided = decideApplyModel(this.#mirror.view, request, { nowMs: this.#clock.wallMs(), readOnly: this.#readOnly });
      if (decided.kind === 'error') throw decided.error;
      return { writes: decided.kind === 'write' ? decided.writes : [], result: decided };
    });
    if (decision.kind === 'write' && !decision.created) this.#copies.artifactChanged(request.key);
    const change = decision.kind !== 'write' ? 'unchanged' : decision.created ? 'created' : 'configured';
    const warning = hiddenKeyWarning(this.#mirror.view, DEFAULT_NAMESPACE, endpointId(request.key));
    const relative = isRelativePath(resource.storage)
      ? [`spec.storage: ${resource.storage.path} is read relative to the storage root of the runtime`]
      : [];
    return {
      kind: 'Model',
      name: request.key,
      change,
      warnings: warning === undefined ? relative : [...relative, warning],
      edit: null,
    };
  }

  async #applyEndpoint(resource: EndpointResource, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
    const { id } = resource;
    const edit = await this.edits.apply(planEndpoint(resource), options, signal);
    const warning = hiddenKeyWarning(this.#mirror.view, DEFAULT_NAMESPACE, id);
    return appliedEndpoint('Endpoint', id, edit, warning === undefined ? [] : [warning]);
  }

  /** Puts an earlier policy of an endpoint in force again. */
  async undo(id: EndpointId, to: PolicyRevision | null, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
    return appliedEndpoint('Endpoint', id, await this.edits.undo(id, to, options, signal), []);
  }

  async #applyInferenceService(resource: InferenceServiceResource, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
    const id = endpointId(resource.metadata.name);
    const decide = () => decideInferenceService(this.#mirror.view, resource, this.#management.endpointEnv());
    const made = await this.edits.make(DEFAULT_NAMESPACE, id, decide, options, signal);
    return appliedEndpoint('InferenceService', id, made, []);
  }

  async #deleteModel(name: string): Promise<void> {
    const key = this.#modelNamed(name);
    if (key === undefined) throw new MeshError('not-found', `model ${JSON.stringify(name)} not found`);
    await this.#management.unregisterModel(key);
  }

  /** A model by its key, or by `family-version`, the usual name of its manifest. */
  #modelNamed(name: string): ModelKey | undefined {
    const { view } = this.#mirror;
    if (name !== '' && view.hasModel(DEFAULT_NAMESPACE, modelKey(name))) return modelKey(name);
    for (const { record } of view.models(DEFAULT_NAMESPACE)) {
      if (record.family !== undefined && `${record.family}-${record.version}` === name) return record.key;
    }
    return undefined;
  }

  async #deleteEndpoint(name: string, owner: string): Promise<void> {
    const stored = name === '' ? undefined : this.#mirror.view.endpoint(DEFAULT_NAMESPACE, endpointId(name));
    if (stored === undefined) throw new MeshError('not-found', `endpoint ${JSON.stringify(name)} not found`);
    if (stored.record.owner !== owner) {
      const message = `endpoint ${name} belongs to "${stored.record.owner}" and is not deleted by this kind of manifest`;
      throw new MeshError('failed-precondition', message);
    }
    await this.#management.deleteEndpoint(name, owner);
  }
}

const appliedEndpoint = (
  kind: Applied['kind'],
  id: EndpointId,
  { created, wrote, edit }: MadeEdit,
  warnings: readonly string[],
): Applied => ({ kind, name: id, change: !wrote ? 'unchanged' : created ? 'created' : 'configured', warnings, edit });
