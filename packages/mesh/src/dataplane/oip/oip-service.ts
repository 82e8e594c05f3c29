import { type Clock, type DurationMs, MeshError, type ModelKey, toMeshError } from '@modelmesh/core';
import type { NameIndex } from '@modelmesh/core/identity';
import { isReady, type ModelReadiness } from '@modelmesh/core/registration';
import type { CallContext, GrpcRouter } from '@modelmesh/grpc/call';
import type { HeaderReader } from '@modelmesh/wire/headers';
import { GRPCInferenceService, repositoryCallModel } from '@modelmesh/wire/inference';
import { type Authorizer, principalOf } from '../../authz/index.ts';

import { type Control, loadModel, type ModelDetail } from '../../node/index.ts';
import { isUnknownName, namesAsked } from '../grpc/index.ts';
import { type Introspection, type IntrospectionOptions, serveIntrospection } from './introspection.ts';
import { repositoryEntries } from './repository-index.ts';
import { keyOfName, readinessOf } from './resolve-name.ts';

/** Full name of the Open Inference Protocol's service. */
export const OIP_SERVICE = GRPCInferenceService.typeName;

/** What the locally answered part of the protocol stands on. */
export interface OipDeps {
  readonly control: Control;
  /** What names mean; the data plane's route table is one. */
  readonly names: NameIndex;
  /** The model of the variant that the fields of a question name; `undefined`: they name none. @throws {MeshError} if it is not there */
  readonly variantAsked: (name: string, version: string, headers: HeaderReader) => ModelKey | undefined;
  /** Asks the registry itself for names that are not known, which may have been registered through another node a moment ago. */
  readonly learn: (names: readonly string[], signal: AbortSignal) => Promise<void>;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  /** How long a failed load makes a model unready. */
  readonly loadFailureExpiryMs: DurationMs;
  /** What `ServerMetadata` says; `extensions` names only what is served. */
  readonly server: { readonly name: string; readonly version: string; readonly extensions: readonly string[] };
  /** Health and reflection of the same listener. */
  readonly introspection: IntrospectionOptions;
}

/** The served part of the protocol. */
export type OipService = Introspection;

/**
 * Serves what the node itself knows of `inference.GRPCInferenceService`, gRPC's health service and reflection. `ModelInfer`,
 * `ModelStreamInfer` and `ModelMetadata` are the runtime's to answer: they are not registered and go the way of every inference call.
 */
export function serveOip(router: GrpcRouter, deps: OipDeps): OipService {
  const { control, authorizer } = deps;
  const may = ({ peer, path }: CallContext, verb: 'read' | 'write'): void => {
    const verdict = authorizer.authorize(principalOf(peer), { verb, target: path });
    if (verdict.kind === 'deny') throw new MeshError('permission-denied', verdict.reason);
  };

  const keyOf = (name: string, version: string, signal: AbortSignal): Promise<ModelKey> => knownKey(deps, name, version, signal);
  const readiness = (detail: ModelDetail): ModelReadiness => readinessOf(detail, deps.clock.wallMs(), deps.loadFailureExpiryMs);

  router.service(GRPCInferenceService, {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: control.ready }),
    serverMetadata: () => ({ ...deps.server, extensions: [...deps.server.extensions] }),
    modelReady: async ({ name, version }, context) => {
      may(context, 'read');
      const key = await keyOf(name, version, context.signal);
      const detail = control.model(deps.variantAsked(name, version, context.headers) ?? key);
      return { ready: control.ready && detail !== null && isReady(readiness(detail), false) };
    },
    repositoryIndex: ({ ready }, context) => {
      may(context, 'read');
      const entries = repositoryEntries(control, readiness);
      return { models: entries.filter(({ state }) => !ready || state === 'READY') };
    },
    repositoryModelLoad: async (request, context) => {
      may(context, 'write');
      const name = repositoryCallModel(request);
      await loadModel(control, await keyOf(name, '', context.signal), context.signal);
      return { modelName: name, isLoaded: true };
    },
    repositoryModelUnload: async (request, context) => {
      may(context, 'write');
      const name = repositoryCallModel(request);
      await control.unloadCopies(await keyOf(name, '', context.signal));
      return { modelName: name, isUnloaded: true };
    },
  });
  return serveIntrospection(router, control, deps.introspection);
}

/** The model that a name stands for, here or in the registry itself. @throws {MeshError} if it names none */
async function knownKey(
  { names, learn }: Pick<OipDeps, 'names' | 'learn'>,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<ModelKey> {
  try {
    return keyOfName(names, name, version);
  } catch (error) {
    if (!isUnknownName(toMeshError(error))) throw error;
  }
  await learn(namesAsked([name], version === '' ? null : version), signal);
  return keyOfName(names, name, version);
}
