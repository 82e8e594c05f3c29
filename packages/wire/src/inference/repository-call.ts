import type { RepositoryModelLoadRequest, RepositoryModelUnloadRequest } from '../gen/inference/grpc-predict-v2_pb.ts';

/**
 * The model that a repository call names, in either form that clients send: KServe has it in field 1; Triton has a repository's name
 * there and the model in field 2. Empty if the call names none.
 */
export function repositoryCallModel(request: RepositoryModelLoadRequest | RepositoryModelUnloadRequest): string {
  return request.repositoryModelName === '' ? request.modelName : request.repositoryModelName;
}
