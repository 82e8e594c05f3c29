import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelRuntime } from '@modelmesh/wire/mmesh';
import { isAlive } from '../process-usage/index.ts';
import { Program, programEnvironment, RuntimeProcess } from './index.ts';

describe('a runtime process', () => {
  it('answers on its socket, and leaves nothing behind', { timeout: 30_000 }, async () => {
    const runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    await runtime.client.unary(ModelRuntime.method.loadModel, { modelId: 'm', modelPath: 'size 8192' });
    const echoed = await runtime.client.call(rawMethod('/any.Service/Call'), [Buffer.from('hello')]);
    assert.equal(Buffer.from(echoed).toString(), 'hello');
    const { pid, folder } = runtime;
    assert.equal(isAlive(pid), true);

    await runtime[Symbol.asyncDispose]();

    assert.deepEqual([isAlive(pid), existsSync(folder)], [false, false]);
  });

  it('tells why it did not start', { timeout: 30_000 }, async () => {
    await assert.rejects(
      RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'nonsense' } }),
      /MESH_RUNTIME_SERVER=nonsense: expected one of/,
    );
  });
});

describe('a program', () => {
  it('gets none of the settings of whoever runs the suites', () => {
    process.env.MESH_LAB_STRAY = '1';
    assert.equal(programEnvironment({ A: 'b' }).MESH_LAB_STRAY, undefined);
    assert.equal(programEnvironment({ A: 'b' }).A, 'b');
  });

  it('fails a wait for a line that never comes', { timeout: 20_000 }, async () => {
    const program = new Program({ entry: '-e', args: ['0'], environment: programEnvironment(), workingFolder: '.' });
    await assert.rejects(
      program.until(() => true, 'a line', 10_000),
      /ended \(0\) before a line/,
    );
  });
});
