import { type Clock, type DurationMs, MeshError } from '@modelmesh/core';
import type { NameIndex } from '@modelmesh/core/identity';
import { isReady, type ModelReadiness } from '@modelmesh/core/registration';
import type { CallContext, GrpcRouter } from '@modelmesh/grpc/call';
import { GRPCInferenceService, repositoryCallModel } from '@modelmesh/wire/inference';
import { type Authorizer, principalOf } from '../../authz/index.ts';
import { loadModel } from '../../management/index.ts';
import type { Control, ModelDetail } from '../../node/index.ts';
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
  const { control, names, authorizer } = deps;
  const may = ({ peer, path }: CallContext, verb: 'read' | 'write'): void => {
    const verdict = authorizer.authorize(principalOf(peer), { verb, target: path });
    if (verdict.kind === 'deny') throw new MeshError('permission-denied', verdict.reason);
  };

  const readiness = (detail: ModelDetail): ModelReadiness => readinessOf(detail, deps.clock.wallMs(), deps.loadFailureExpiryMs);

  router.service(GRPCInferenceService, {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: control.ready }),
    serverMetadata: () => ({ ...deps.server, extensions: [...deps.server.extensions] }),
    modelReady: ({ name, version }, context) => {
      may(context, 'read');
      const detail = control.model(keyOfName(names, name, version));
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
      await loadModel(control, keyOfName(names, name, ''), context.signal);
      return { modelName: name, isLoaded: true };
    },
    repositoryModelUnload: async (request, context) => {
      may(context, 'write');
      const name = repositoryCallModel(request);
      await control.unloadCopies(keyOfName(names, name, ''));
      return { modelName: name, isUnloaded: true };
    },
  });
  return serveIntrospection(router, control, deps.introspection);
}
