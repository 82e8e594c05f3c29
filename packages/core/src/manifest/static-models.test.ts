import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseStaticModels, STATIC_MODELS_MAX } from './index.ts';

const parse = (value: unknown) => parseStaticModels(JSON.stringify(value));
const problems = (value: unknown): readonly string[] => {
  const result = parse(value);
  assert.ok(!result.ok, 'it was accepted');
  return result.problems.map(({ path }) => path);
};

describe('§4.16 a list of models for static registration', () => {
  it('is read as ModelMesh documents it', () => {
    const result = parse([
      { modelId: 'm', modelInfo: { type: 'onnx' } },
      {
        modelId: 'n',
        modelInfo: { type: 'rt:triton', path: 'a/b', key: '{}' },
        vModelId: 'v',
        retainAfterTransition: true,
        ensureLoaded: true,
      },
    ]);
    assert.deepEqual(result, {
      ok: true,
      models: [
        {
          modelId: 'm',
          info: { type: 'onnx', path: '', encKey: '' },
          vModelId: null,
          retainAfterTransition: false,
          ensureLoaded: false,
        },
        {
          modelId: 'n',
          info: { type: 'rt:triton', path: 'a/b', encKey: '{}' },
          vModelId: 'v',
          retainAfterTransition: true,
          ensureLoaded: true,
        },
      ],
      warnings: [],
    });
  });

  it('names everything that is wrong with it by its place', () => {
    assert.deepEqual(problems({}), ['']);
    assert.deepEqual(problems(Array.from({ length: STATIC_MODELS_MAX + 1 }, () => 0)), ['']);
    assert.equal(parseStaticModels('[').ok, false);
    const wrong = [
      { modelInfo: { type: 'onnx' } },
      { modelId: 'm' },
      { modelId: 'm', modelInfo: { path: 'p' } },
      { modelId: 'm', modelInfo: { type: 'onnx' }, retainAfterTransition: true },
      { modelId: 'm', modelInfo: { type: 'onnx', path: 1 }, vModelId: '', ensureLoaded: 'yes' },
      'm',
    ];
    assert.deepEqual(problems(wrong), [
      '[0].modelId',
      '[1].modelInfo',
      '[2].modelInfo.type',
      '[3].retainAfterTransition',
      '[4].vModelId',
      '[4].modelInfo.path',
      '[4].ensureLoaded',
      '[5]',
    ]);
  });

  it('is accepted with fields that nobody knows, with a warning', () => {
    const result = parse([{ modelId: 'm', modelInfo: { type: 'onnx', paht: 'p' }, ensureloaded: true }]);
    assert.ok(result.ok);
    assert.deepEqual(
      result.warnings.map(({ path, expected }) => [path, /did you mean (\w+)/.exec(expected)?.[1]]),
      [
        ['[0].ensureloaded', 'ensureLoaded'],
        ['[0].modelInfo.paht', 'path'],
      ],
    );
  });
});
