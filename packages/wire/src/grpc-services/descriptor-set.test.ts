import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBytes } from './index.ts';

it('The descriptor set links by itself and knows every service that a node offers', () => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSetBytes()));
  const services = [
    'mmesh.ModelMesh',
    'mmesh.ModelRuntime',
    'mmesh.ModelRuntimeX',
    'inference.GRPCInferenceService',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
  ];
  assert.deepEqual(
    services.filter((name) => registry.getService(name) === undefined),
    [],
  );
});

it('The descriptor set describes map fields as maps', () => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSetBytes()));
  assert.equal(registry.getMessage('inference.ModelInferRequest')?.field.parameters?.fieldKind, 'map');
  assert.equal(registry.getMessage('mmesh.RuntimeStatusResponse')?.field.methodInfos?.fieldKind, 'map');
});
