import { MeshError, toMeshError } from '@modelmesh/core';
import type { GrpcRouter } from '@modelmesh/grpc/call';
import { ModelRuntime, ModelRuntimeX, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import type { QuietRest } from '../memory/index.ts';
import type { ModelServer, ServerFacts } from '../servers/index.ts';

/** Whether the server can load models yet. */
export type ServerState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failing'; readonly error: MeshError };

/**
 * Serves the runtime contract in front of `server`; spec `modelmesh.md` §1.3. A look at the status while models are loaded means that the mesh
 * began anew: they are unloaded before READY is answered. `quiet` hears of loads and unloads.
 */
export function addContractServices(
  router: GrpcRouter,
  server: ModelServer,
  state: () => ServerState,
  quiet: Pick<QuietRest, 'during'>,
): void {
  router.service(ModelRuntime, {
    loadModel: async (request, { signal }) => {
      requireId(request.modelId);
      return { sizeInBytes: BigInt(await quiet.during(() => server.load(request, signal))) };
    },
    unloadModel: async ({ modelId }) => {
      requireId(modelId);
      await quiet.during(() => server.unload(modelId));
      return {};
    },
    predictModelSize: async (request, { signal }) => {
      requireId(request.modelId);
      return { sizeInBytes: BigInt(await server.predict(request, signal)) };
    },
    modelSize: ({ modelId }) => ({ sizeInBytes: BigInt(server.size(modelId)) }),
    runtimeStatus: async () => {
      const now = state();
      if (now.kind === 'starting') return { status: RuntimeStatusResponse_Status.STARTING };
      if (now.kind === 'failing') return { status: RuntimeStatusResponse_Status.FAILING, runtimeVersion: now.error.message };
      await quiet.during(() => server.purge());
      return readyStatus(server.facts);
    },
  });
  router.service(ModelRuntimeX, {
    prepareModel: async (request, { signal }) => {
      requireId(request.modelId);
      const { predictedBytes, filesBytes } = await quiet.during(() => server.prepare(request, signal));
      return { predictedBytes: BigInt(predictedBytes), filesBytes: BigInt(filesBytes) };
    },
    modelUsage: async ({ modelIds }) => {
      const { baseBytes, privateBytes } = await server.processUsage();
      return {
        models: server.usage(modelIds).map((model) => ({
          modelId: model.modelId,
          measuredBytes: BigInt(model.measuredBytes),
          peakBytes: BigInt(model.peakBytes),
        })),
        runtime: {
          baseBytes: BigInt(baseBytes),
          privateBytes: BigInt(privateBytes),
          capacityBytes: BigInt(server.facts.capacityBytes),
        },
      };
    },
    releaseFiles: async ({ modelId }) => {
      await server.releaseFiles(modelId).catch((error: unknown) => {
        throw toMeshError(error);
      });
      return {};
    },
  });
}

function readyStatus(facts: ServerFacts) {
  return {
    status: RuntimeStatusResponse_Status.READY,
    capacityInBytes: BigInt(facts.capacityBytes),
    maxLoadingConcurrency: facts.loadingConcurrencyMax,
    modelLoadingTimeoutMs: facts.loadTimeoutMs,
    defaultModelSizeInBytes: BigInt(facts.defaultModelBytes),
    runtimeVersion: facts.version,
    methodInfos: Object.fromEntries(Object.entries(facts.methods).map(([name, path]) => [name, { idInjectionPath: [...path] }])),
    allowAnyMethod: facts.allowsAnyMethod,
  };
}

function requireId(modelId: string): void {
  if (modelId === '') throw new MeshError('invalid-argument', 'modelId must not be empty');
}
