import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeRepositoryIndexRequest,
  errorBody,
  modelLoadedBody,
  modelMetadataBody,
  modelReadyBody,
  modelUnloadedBody,
  repositoryIndexBody,
  serverLiveBody,
  serverMetadataBody,
  serverReadyBody,
} from './index.ts';

const text = (body: Uint8Array): string => Buffer.from(body).toString();
const metadata = { name: 'key@1', versions: [], platform: 'onnx_onnxv1', inputs: [], outputs: [], properties: new Map() };

/** The numbers are those of spec `kserve.md` §6.5. */
describe('bodies of the V2 protocol', () => {
  it('19: health', () => {
    assert.deepEqual([serverLiveBody(true), serverReadyBody(false), modelReadyBody('m', true)].map(text), [
      '{"live":true}',
      '{"ready":false}',
      '{"name":"m","ready":true}',
    ]);
  });

  it('20: metadata under the name asked for; versions and properties only where there are some', () => {
    assert.equal(text(modelMetadataBody(metadata, 'm')), '{"name":"m","platform":"onnx_onnxv1","inputs":[],"outputs":[]}');
    const full = {
      ...metadata,
      versions: ['3'],
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      properties: new Map([['k', 'v']]),
    };
    assert.equal(
      text(modelMetadataBody(full)),
      '{"name":"key@1","versions":["3"],"platform":"onnx_onnxv1","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],"outputs":[],"properties":{"k":"v"}}',
    );
  });

  it('22: every error has one form', () => {
    assert.equal(text(errorBody('no "x"\n')), '{"error":"no \\"x\\"\\n"}');
  });

  it('27: server metadata names the extensions that it is given', () => {
    assert.equal(
      text(serverMetadataBody({ name: 'mesh', version: '1', extensions: ['binary_tensor_data'] })),
      '{"name":"mesh","version":"1","extensions":["binary_tensor_data"]}',
    );
  });

  it('34: the repository index and its filter, load and unload', () => {
    const entries = [
      { name: 'a', version: '1', state: 'READY', reason: '' },
      { name: 'b', state: 'UNAVAILABLE', reason: 'corrupt' },
    ] as const;
    assert.equal(
      text(repositoryIndexBody(entries)),
      '[{"name":"a","version":"1","state":"READY","reason":""},{"name":"b","state":"UNAVAILABLE","reason":"corrupt"}]',
    );
    const filter = (body: string): boolean => decodeRepositoryIndexRequest(Buffer.from(body)).readyOnly;
    assert.deepEqual(['', '{}', '{"ready": false}', '{"ready": true, "more": 1}'].map(filter), [false, false, false, true]);
    assert.throws(() => filter('{"ready": 1}'), /expected ready as true or false/);
    assert.throws(() => filter('[]'), /expected the request as an object/);
    assert.deepEqual([modelLoadedBody('m'), modelUnloadedBody('m')].map(text), [
      '{"name":"m","load":true}',
      '{"name":"m","unload":true}',
    ]);
  });
});
