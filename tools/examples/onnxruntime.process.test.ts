import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Expected, type JsonTensor, readExamples } from './example-files.ts';

interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}
interface Ort {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>> }>;
  };
}

const models = readExamples(fileURLToPath(new URL('../../examples/models', import.meta.url)));
const ort = installed();

describe('the example models in onnxruntime-node', {
  skip: ort === undefined && 'onnxruntime-node is not installed on this platform',
}, () => {
  for (const { name, model, expected } of models) {
    it(`${name} answers what the training library and onnxruntime in Python answer`, async () => {
      assert.ok(ort !== undefined);
      const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
      for (const { request, outputs, onnxruntime } of expected.cases) {
        const answer = await session.run(Object.fromEntries(request.inputs.map((input) => [input.name, feed(ort, input)])));
        for (const output of outputs) assertNear(output, answer[output.name], expected.tolerance);
        // Another version of the same engine may order additions differently in the last bit, not more.
        for (const output of onnxruntime.outputs) assertNear(output, answer[output.name], { absolute: 1e-6, relative: 1e-6 });
      }
    });
  }
});

function installed(): Ort | undefined {
  try {
    return createRequire(import.meta.url)('onnxruntime-node') as Ort;
  } catch {
    return undefined;
  }
}

function feed(engine: Ort, input: JsonTensor): OrtTensor {
  if (input.datatype === 'INT64') return new engine.Tensor('int64', BigInt64Array.from(input.data, BigInt), input.shape);
  if (input.datatype === 'BYTES') return new engine.Tensor('string', input.data, input.shape);
  return new engine.Tensor('float32', Float32Array.from(input.data, Number), input.shape);
}

function assertNear(wanted: JsonTensor, got: OrtTensor | undefined, tolerance: Expected['tolerance']): void {
  assert.deepEqual(got?.dims, wanted.shape, wanted.name);
  const values = Array.from(got?.data ?? []);
  if (wanted.datatype !== 'FP32') {
    assert.deepEqual(values.map(String), wanted.data.map(String), wanted.name);
    return;
  }
  for (const [at, value] of wanted.data.entries()) {
    const off = Math.abs(Number(values[at]) - Number(value));
    assert.ok(
      off <= tolerance.absolute + tolerance.relative * Math.abs(Number(value)),
      `${wanted.name}[${at}] is ${values[at]}, not ${value}`,
    );
  }
}
