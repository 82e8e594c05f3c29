import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { CallOptions, GrpcClient } from '@modelmesh/grpc/call';
import {
  type DeleteVModelRequestSchema,
  type EnsureLoadedRequestSchema,
  type GetVModelStatusRequestSchema,
  ModelMesh,
  type ModelStatusInfoSchema,
  type RegisterModelRequestSchema,
  type SetVModelRequestSchema,
  type VModelStatusInfoSchema,
} from '@modelmesh/wire/mmesh';

type ModelStatusInfo = MessageShape<typeof ModelStatusInfoSchema>;
type VModelStatusInfo = MessageShape<typeof VModelStatusInfoSchema>;

/**
 * The seven calls of `mmesh.ModelMesh`, as ModelMesh has them: a failed load is a status within the answer. Errors are `GrpcStatusError`s
 * where the node answers.
 */
export class ModelMeshClient {
  readonly #grpc: GrpcClient;

  constructor(grpc: GrpcClient) {
    this.#grpc = grpc;
  }

  registerModel(request: MessageInitShape<typeof RegisterModelRequestSchema>, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.registerModel, request, options);
  }

  /** Unknown models succeed. */
  async unregisterModel(modelId: string, options?: CallOptions): Promise<void> {
    await this.#grpc.unary(ModelMesh.method.unregisterModel, { modelId }, options);
  }

  getModelStatus(modelId: string, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.getModelStatus, { modelId }, options);
  }

  ensureLoaded(request: MessageInitShape<typeof EnsureLoadedRequestSchema>, options?: CallOptions): Promise<ModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.ensureLoaded, request, options);
  }

  setVModel(request: MessageInitShape<typeof SetVModelRequestSchema>, options?: CallOptions): Promise<VModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.setVModel, request, options);
  }

  /** Unknown vmodels, and those of another owner, are left alone. */
  async deleteVModel(request: MessageInitShape<typeof DeleteVModelRequestSchema>, options?: CallOptions): Promise<void> {
    await this.#grpc.unary(ModelMesh.method.deleteVModel, request, options);
  }

  getVModelStatus(
    request: MessageInitShape<typeof GetVModelStatusRequestSchema>,
    options?: CallOptions,
  ): Promise<VModelStatusInfo> {
    return this.#grpc.unary(ModelMesh.method.getVModelStatus, request, options);
  }
}
