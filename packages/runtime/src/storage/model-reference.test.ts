import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { parseModelReference } from './index.ts';

const HEX = 'AB'.repeat(32);
const hex = HEX.toLowerCase();

const refusal = (path: string, key: string, root?: string): string => {
  try {
    parseModelReference(path, key, root);
  } catch (error) {
    assert.ok(error instanceof MeshError && error.kind === 'invalid-argument');
    return error.message;
  }
  assert.fail('was accepted');
};

describe('parseModelReference', () => {
  it('reads absolute paths, file URLs and paths relative to the root', () => {
    const pathOf = (path: string, root?: string) => {
      const { source } = parseModelReference(path, '', root);
      return source.kind === 'file' && source.path;
    };

    assert.equal(pathOf('/models/a b/../c'), '/models/c');
    assert.equal(pathOf('file:///models/a%20b'), '/models/a b');
    assert.equal(pathOf('fraud/3', '/srv'), '/srv/fraud/3');
  });

  it('takes the digest of a download from the fragment or the key and drops the fragment', () => {
    const expected = { kind: 'http', url: 'https://host/a.onnx?v=1', sha256: hex };

    assert.deepEqual(parseModelReference(`https://host/a.onnx?v=1#sha256=${HEX}`, '', undefined).source, expected);
    assert.deepEqual(parseModelReference('https://host/a.onnx?v=1', `{"sha256":"sha256:${hex}"}`, undefined).source, expected);
  });

  it('reads format, model_type and instances and ignores what it does not know', () => {
    const read = (key: string) => parseModelReference('/m', key, undefined);

    assert.deepEqual(read('{"format":{"name":"onnx","version":"1"},"instances":3,"storage_params":{"bucket":"b"}}'), {
      source: { kind: 'file', path: '/m', sha256: undefined },
      format: { name: 'onnx', version: '1' },
      instances: 3,
    });
    assert.deepEqual(read('{"model_type":{"name":"onnx"}}').format, { name: 'onnx', version: undefined });
    assert.deepEqual(read('{"model_type":"onnx"}').format, { name: 'onnx', version: undefined });
    assert.equal(read('').instances, 1);
  });

  it('names what is wrong', () => {
    assert.match(refusal('', ''), /path is empty/);
    assert.match(refusal('fraud/3', ''), /relative.*no storage root/);
    assert.match(refusal('s3://bucket/x', ''), /scheme "s3:"/);
    assert.match(refusal('https://', ''), /not a valid URL/);
    assert.match(refusal('https://host/x#part', ''), /#sha256=/);
    assert.match(refusal(`https://host/x#sha256=${hex}`, `{"sha256":"${'cd'.repeat(32)}"}`), /key says/);
    assert.match(refusal('/m', '{"sha256":"abc"}'), /64 hex digits/);
    assert.match(refusal('/m', '[1]'), /JSON object/);
    assert.match(refusal('/m', '{'), /JSON object/);
    assert.match(refusal('/m', '{"instances":65}'), /from 1 to 64/);
    assert.match(refusal('/m', '{"format":{"version":"1"}}'), /format must be/);
    assert.match(refusal('/m', ' '.repeat(70_000)), /limit is 65536/);
    assert.match(refusal('/a\0b', ''), /NUL/);
  });

  it('answers every text with a reference or an invalid-argument error', () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.string(), fc.json()), (path, key) => {
        try {
          parseModelReference(path, key, '/root');
        } catch (error) {
          assert.ok(error instanceof MeshError && error.kind === 'invalid-argument');
        }
      }),
    );
  });

  it('puts together what the controller of ModelMesh splits: a URL in the storage parameters', () => {
    const key = JSON.stringify({ storage_params: { type: 'http', url: 'https://models.example/fraud?v=1' } });
    assert.deepEqual(parseModelReference('3/model.onnx', key, '/root').source, {
      kind: 'http',
      url: 'https://models.example/fraud/3/model.onnx?v=1',
      sha256: undefined,
    });
  });
});
