import assert from 'node:assert/strict';
import { it } from 'node:test';
import { canonicalManagementMethod } from './index.ts';

it('Older names of management methods and of their service stand for the present ones', () => {
  assert.equal(canonicalManagementMethod('mmesh.ModelMesh/registerModel'), 'registerModel');
  assert.equal(canonicalManagementMethod('mmesh.ModelMesh/addModel'), 'registerModel');
  assert.equal(canonicalManagementMethod('com.ibm.watson.tas.proto.TasRuntime/deleteModel'), 'unregisterModel');
  assert.equal(canonicalManagementMethod('com.ibm.watson.tas.proto.TasRuntime/ensureLoaded'), 'ensureLoaded');
});

it('A method of another service is no management method, whatever its name', () => {
  assert.equal(canonicalManagementMethod('inference.GRPCInferenceService/addModel'), undefined);
  assert.equal(canonicalManagementMethod('mmesh.ModelMeshX/addModel'), undefined);
});
