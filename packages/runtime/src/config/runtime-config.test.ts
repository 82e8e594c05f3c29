import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { parseRuntimeConfig, RUNTIME_VARIABLES } from './index.ts';

const machine = { memoryBytes: 8 * 1024 ** 3, cores: 4, temporaryFolder: '/tmp' };

const refusal = (variables: Record<string, string>): string => {
  try {
    parseRuntimeConfig(variables, machine);
  } catch (error) {
    assert.ok(error instanceof MeshError && error.kind === 'invalid-argument');
    return error.message;
  }
  assert.fail('was accepted');
};

describe('parseRuntimeConfig', () => {
  it('takes half of the memory for models and a worker for each core', () => {
    const config = parseRuntimeConfig({ MESH_RUNTIME_SOCKET: '/run/a.sock', HOME: '/root' }, machine);

    assert.deepEqual(config.listen, { kind: 'unix', path: '/run/a.sock' });
    assert.equal(config.capacityBytes, 4 * 1024 ** 3);
    assert.deepEqual([config.server, config.workersMin, config.workersMax], ['onnx', 4, 6]);
    assert.ok(Object.isFrozen(config));
  });

  it('gives the null server the same room on every machine, unless it is told another', () => {
    const common = { MESH_RUNTIME_PORT: '0', MESH_RUNTIME_SERVER: 'null' };
    assert.equal(parseRuntimeConfig(common, machine).capacityBytes, 8 * 1024 ** 3);
    const told = { ...common, MESH_RUNTIME_CAPACITY_BYTES: '134217728' };
    assert.equal(parseRuntimeConfig(told, machine).capacityBytes, 134_217_728);
  });

  it('listens on a port instead', () => {
    assert.deepEqual(parseRuntimeConfig({ MESH_RUNTIME_PORT: '0' }, machine).listen, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  });

  it('tells all problems at once, each with name, value and expectation', () => {
    const message = refusal({
      MESH_RUNTIME_SERVER: 'triton',
      MESH_RUNTIME_PORT: '70000',
      MESH_RUNTIME_STORAGE_ROOT: 'models',
      MESH_RUNTIME_WORKERS: 'many',
      MESH_RUNTIME_WORKERS_MAX: '2',
      MESH_RUNTIME_DEFAULT_MODEL_BYTES: '100000000000',
      MESH_RUNTIME_SOKET: '/a',
    });

    for (const line of [
      'MESH_RUNTIME_SERVER=triton: expected one of onnx, null, stream-text',
      'MESH_RUNTIME_PORT=70000: expected a whole number from 0 to 65535',
      'MESH_RUNTIME_STORAGE_ROOT=models: expected an absolute path',
      'MESH_RUNTIME_WORKERS=many: expected a whole number from 1 to 256',
      'MESH_RUNTIME_WORKERS_MAX=2: expected at least MESH_RUNTIME_WORKERS, which is 4',
      'MESH_RUNTIME_CAPACITY_BYTES=4294967296: expected at least 200000000000',
      'MESH_RUNTIME_SOKET=/a: expected one of the names MESH_RUNTIME_SERVER',
    ]) {
      assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
    }
  });

  it('wants one place to listen', () => {
    assert.match(refusal({}), /MESH_RUNTIME_SOCKET=: expected an absolute path, or MESH_RUNTIME_PORT/);
    assert.match(refusal({ MESH_RUNTIME_SOCKET: '/a', MESH_RUNTIME_PORT: '1' }), /expected no port beside/);
  });

  it('reads every variable that the reference names', () => {
    for (const name of Object.keys(RUNTIME_VARIABLES)) {
      if (name === 'MESH_RUNTIME_HOST' || name === 'MESH_RUNTIME_SOCKET') continue;
      const where: Record<string, string> = name === 'MESH_RUNTIME_PORT' ? {} : { MESH_RUNTIME_SOCKET: '/a' };
      assert.match(refusal({ ...where, [name]: 'no/such value' }), new RegExp(`${name}=no/such value: expected`), name);
    }
  });
});
