import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importSeldon, parseManifest } from '@modelmesh/core/manifest';
import { parse } from 'yaml';
import { readExamples } from './example-files.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const models = readExamples(`${examples}models`);
/** The repository holds the models: they stay small. */
const MODEL_BYTES_MAX = 100_000;

describe('the example models', () => {
  it('are at least eight, two of them versions of one family', () => {
    assert.ok(models.length >= 8, `${models.length} models`);
    assert.deepEqual(
      models.filter((one) => one.manifest.spec.family === 'iris').map((one) => one.manifest.spec.version),
      ['1', '2'],
    );
  });

  it('are named by their folders, small, and what their digests say', () => {
    for (const { name, manifest, model } of models) {
      assert.equal(manifest.kind, 'Model');
      assert.equal(manifest.metadata.name, name);
      assert.ok(model.length <= MODEL_BYTES_MAX, `${name} has ${model.length} bytes`);
      assert.equal(createHash('sha256').update(model).digest('hex'), manifest.spec.storage.sha256, name);
    }
  });

  it('record requests and answers whose data fill their shapes', () => {
    for (const { name, expected } of models) {
      assert.ok(expected.cases.length > 0, name);
      for (const { request, outputs, onnxruntime } of expected.cases) {
        for (const tensor of [...request.inputs, ...outputs, ...onnxruntime.outputs]) {
          const count = tensor.shape.reduce((product, size) => product * size, 1);
          assert.equal(tensor.data.length, count, `${name} ${tensor.name}`);
        }
      }
    }
  });

  it('keep 64-bit integers exact in what is recorded', () => {
    const int64 = models.find((one) => one.name === 'int64');
    assert.deepEqual(int64?.expected.cases[0]?.outputs[0]?.data, [2n ** 53n + 2n]);
  });

  it('say in their READMEs how to call them', () => {
    for (const { name, readme } of models) {
      for (const line of ['mmesh apply', 'curl -s', 'grpcurl', 'tritonclient'])
        assert.ok(readme.includes(line), `${name} lacks ${line}`);
    }
  });
});

describe('the example manifests', () => {
  it('are accepted without a warning, the one in the README too', () => {
    const files = globSync('{models/*,*}/*.yaml', { cwd: examples }).filter((file) => !file.startsWith('seldon/'));
    const texts = files.flatMap((file) => readFileSync(`${examples}${file}`, 'utf8').split(/^---$/m));
    assert.ok(files.includes('canary/endpoint.yaml') && files.includes('models/wine/model.yaml'), files.join());
    const shown = /```yaml[^\n]*\n(?<text>[\s\S]*?)```/.exec(readFileSync(`${examples}../README.md`, 'utf8'))?.groups?.text ?? '';
    for (const text of [...texts, shown]) {
      const result = parseManifest(parse(text));
      assert.ok(result.ok, text);
      assert.deepEqual(result.warnings, []);
    }
  });

  it('of Seldon are imported', () => {
    const files = globSync('seldon/*.yaml', { cwd: examples });
    const texts = files.flatMap((file) => readFileSync(`${examples}${file}`, 'utf8').split(/^---$/m));
    assert.deepEqual(
      texts.map((text) => importSeldon(parse(text)).kind),
      ['manifest', 'manifest', 'manifest'],
    );
  });

  it('name models that exist', () => {
    const endpoint = parse(readFileSync(`${examples}endpoint/flowers.yaml`, 'utf8'));
    const keys = models.map((one) => one.expected.model);
    for (const variant of endpoint.spec.variants) assert.ok(keys.includes(variant.model), variant.model);

    const service = parse(readFileSync(`${examples}inference-service/iris.yaml`, 'utf8'));
    const path = new URL(service.spec.predictor.model.storageUri).pathname.slice(1);
    assert.ok(readFileSync(`${examples}models/${path}`).length > 0);
  });
});
