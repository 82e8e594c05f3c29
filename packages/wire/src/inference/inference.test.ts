import assert from 'node:assert/strict';
import { it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
  RepositoryModelLoadRequestSchema,
  RepositoryModelUnloadRequestSchema,
  repositoryCallModel,
} from './index.ts';

it('A repository call names its model in the form of KServe or in the form of Triton', () => {
  const kserve = fromBinary(RepositoryModelLoadRequestSchema, Uint8Array.of(0x0a, 1, 0x61));
  const triton = fromBinary(RepositoryModelUnloadRequestSchema, Uint8Array.of(0x0a, 1, 0x72, 0x12, 1, 0x61));
  assert.equal(repositoryCallModel(kserve), 'a');
  assert.equal(repositoryCallModel(triton), 'a');
  assert.equal(repositoryCallModel(create(RepositoryModelLoadRequestSchema)), '');
});

it('An inference request has the field numbers of the protocol', () => {
  const bytes = toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, { modelName: 'm', modelVersion: '1', id: 'i' }),
  );
  assert.deepEqual([...bytes], [0x0a, 1, 0x6d, 0x12, 1, 0x31, 0x1a, 1, 0x69]);
});

it('The stream call streams both ways', () => {
  assert.equal(GRPCInferenceService.method.modelStreamInfer.methodKind, 'bidi_streaming');
});
