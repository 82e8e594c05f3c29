import { epochMs } from '@modelmesh/core';
import type { CallContext, GrpcRouter } from '@modelmesh/grpc/call';
import { canonicalManagementMethod, type ModelInfo, ModelMesh, type SetVModelRequest } from '@modelmesh/wire/mmesh';
import type { Authorizer } from '../../authz/index.ts';
import type { Control } from '../../node/index.ts';
import { authorizeCall } from '../authorize.ts';
import { endpointStatusMessage, modelStatusMessage } from './messages.ts';
import { GET_STATE_ID, LOG_CACHE_ID, stateLines, stateMessage } from './node-state.ts';

/** What the service may be given besides control. */
export interface ModelMeshOptions {
  /** Takes the lines that `getModelStatus` of {@link LOG_CACHE_ID} asks to log. */
  readonly logState?: (lines: readonly string[]) => void;
}

/** For calls that wait for nothing that could be given up: the signal of a call is made when it is first asked for. */
const NOT_AWAITED = new AbortController().signal;

/**
 * Serves `mmesh.ModelMesh`: the seven management calls with ModelMesh's semantics and codes (spec `modelmesh.md` §1.1, §1.2). A failed load
 * is a status within an OK answer. The names that older clients use are served too (§1.4).
 */
export function serveModelMesh(
  router: GrpcRouter,
  control: Control,
  authorizer: Authorizer,
  options: ModelMeshOptions = {},
): void {
  const may = ({ peer }: CallContext, verb: 'read' | 'write', target: string): void =>
    authorizeCall(authorizer, peer, { verb, target });
  const mayModel = (context: CallContext, verb: 'read' | 'write', id: string): void => may(context, verb, `models/${id}`);
  const mayEndpoint = (context: CallContext, verb: 'read' | 'write', id: string): void => may(context, verb, `endpoints/${id}`);
  const inspectState = (context: CallContext, answer: (lines: readonly string[]) => void): void => {
    may(context, 'read', 'state');
    answer(stateLines(control));
  };

  router.olderNames(canonicalPath).service(ModelMesh, {
    registerModel: async ({ modelId, modelInfo, loadNow, sync, lastUsedTime }, context) => {
      mayModel(context, 'write', modelId);
      const request = { modelId, info: infoOf(modelInfo), loadNow, sync, lastUsedMs: instantOf(lastUsedTime) };
      return modelStatusMessage(await control.registerModel(request, loadNow ? context.signal : NOT_AWAITED));
    },
    unregisterModel: async ({ modelId }, context) => {
      mayModel(context, 'write', modelId);
      await control.unregisterModel(modelId);
      return {};
    },
    getModelStatus: async ({ modelId }, context) => {
      if (modelId === GET_STATE_ID || modelId === LOG_CACHE_ID) {
        let told: readonly string[] = [];
        inspectState(context, (lines) => {
          if (modelId === GET_STATE_ID) told = lines;
          else options.logState?.(lines);
        });
        return stateMessage(told);
      }
      mayModel(context, 'read', modelId);
      return modelStatusMessage(await control.modelStatus(modelId));
    },
    ensureLoaded: async ({ modelId, lastUsedTime, sync }, context) => {
      mayModel(context, 'write', modelId);
      return modelStatusMessage(await control.ensureLoaded(modelId, instantOf(lastUsedTime), sync, context.signal));
    },
    setVModel: async (request, context) => {
      mayEndpoint(context, 'write', request.vModelId);
      return endpointStatusMessage(await control.setEndpoint(setEndpointRequest(request), context.signal));
    },
    deleteVModel: async ({ vModelId, owner }, context) => {
      mayEndpoint(context, 'write', vModelId);
      await control.deleteEndpoint(vModelId, owner);
      return {};
    },
    getVModelStatus: async ({ vModelId, owner }, context) => {
      mayEndpoint(context, 'read', vModelId);
      return endpointStatusMessage(await control.endpointStatus(vModelId, owner));
    },
  });
}

function canonicalPath(path: string): string | undefined {
  const method = canonicalManagementMethod(path.slice(1));
  return method === undefined ? undefined : `/${ModelMesh.typeName}/${method}`;
}

/** What a model is; a message that was left out is one without any text, as everywhere in proto3. */
const infoOf = (info: ModelInfo | undefined) => ({
  type: info?.type ?? '',
  path: info?.path ?? '',
  encKey: info?.key ?? '',
});

/** An instant of the wire; whatever lies beyond the end of exact numbers is in the future all the same, and clamped by who uses it. */
const instantOf = (value: bigint) => epochMs(Number(value));

const setEndpointRequest = (request: SetVModelRequest) => ({
  vModelId: request.vModelId,
  targetModelId: request.targetModelId,
  owner: request.owner,
  updateOnly: request.updateOnly,
  modelInfo: request.modelInfo === undefined ? undefined : infoOf(request.modelInfo),
  autoDeleteTargetModel: request.autoDeleteTargetModel,
  loadNow: request.loadNow,
  force: request.force,
  sync: request.sync,
  expectedTargetModelId: request.expectedTargetModelId,
});
