import type { CallOptions, GrpcClient } from '@modelmesh/grpc/call';
import { ModelMesh, type ModelStatusInfo, type VModelStatusInfo } from '@modelmesh/wire/mmesh';

export type { ModelStatusInfo, VModelStatusInfo };

/** What a runtime is told about a model. */
export interface ModelInfoRequest {
  /** Must not be empty. */
  readonly type: string;
  readonly path?: string;
  /** May hold secrets; no answer repeats it. */
  readonly key?: string;
}

/** `registerModel`. */
export interface RegisterModelCall {
  readonly modelId: string;
  readonly modelInfo: ModelInfoRequest;
  /** Load at once. */
  readonly loadNow?: boolean;
  /** With `loadNow`: answer when the load is done. */
  readonly sync?: boolean;
  /** Milliseconds since the Unix epoch; 0 or absent for the default. */
  readonly lastUsedTime?: bigint;
}

/** `ensureLoaded`. */
export interface EnsureLoadedCall {
  readonly modelId: string;
  /** Milliseconds since the Unix epoch; 0 or absent for now. */
  readonly lastUsedTime?: bigint;
  /** Answer when the load is done. */
  readonly sync?: boolean;
}

/** `setVModel`. */
export interface SetVModelCall {
  readonly vModelId: string;
  readonly targetModelId: string;
  readonly owner?: string;
  /** Refuse to create the vmodel. */
  readonly updateOnly?: boolean;
  /** Register the target if it is absent. */
  readonly modelInfo?: ModelInfoRequest;
  /** With `modelInfo`: remove the target when its last reference is gone. */
  readonly autoDeleteTargetModel?: boolean;
  readonly loadNow?: boolean;
  /** Switch at once instead of after the target is loaded. */
  readonly force?: boolean;
  /** Answer when the transition is done. */
  readonly sync?: boolean;
  /** Change nothing unless the present target is this one. */
  readonly expectedTargetModelId?: string;
}

/** A vmodel, with `owner` only if it is that owner's. */
export interface VModelCall {
  readonly vModelId: string;
  readonly owner?: string;
}

/**
 * The seven calls of `mmesh.ModelMesh`, as ModelMesh has them (spec `modelmesh.md` §1.1): a failed load is a status within the answer. Errors
 * are `GrpcStatusError`s where the node answers.
 */
export class ModelMeshClient {
  readonly #grpc: GrpcClient;

  constructor(grpc: GrpcClient) {
    this.#grpc = grpc;
  }

  registerModel(request: RegisterModelCall, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.registerModel, request, options);
  }

  /** Unknown models succeed. */
  async unregisterModel(modelId: string, options?: CallOptions): Promise<void> {
    await this.#grpc.unary(ModelMesh.method.unregisterModel, { modelId }, options);
  }

  getModelStatus(modelId: string, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.getModelStatus, { modelId }, options);
  }

  ensureLoaded(request: EnsureLoadedCall, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.ensureLoaded, request, options);
  }

  setVModel(request: SetVModelCall, options?: CallOptions): Promise<VModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.setVModel, request, options);
  }

  /** Unknown vmodels, and those of another owner, are left alone. */
  async deleteVModel(request: VModelCall, options?: CallOptions): Promise<void> {
    await this.#grpc.unary(ModelMesh.method.deleteVModel, request, options);
  }

  getVModelStatus(request: VModelCall, options?: CallOptions): Promise<VModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.getVModelStatus, request, options);
  }
}
