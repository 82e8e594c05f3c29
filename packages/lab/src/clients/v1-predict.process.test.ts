import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NodeProcess } from '../node-process/index.ts';
import { applyExamples, EXAMPLES, exampleNames } from './examples.ts';

interface Expected {
  readonly model: string;
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly cases: readonly {
    readonly request: { readonly inputs: readonly ExpectedTensor[] };
    readonly outputs: readonly ExpectedTensor[];
  }[];
}

interface ExpectedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

/** Parses JSON with integers that no double can hold as texts of their digits. */
const exactly = (json: string): unknown => JSON.parse(json.replace(/(?<![\d."])-?\d{16,}(?![\d.])/g, '"$&"'));
/** Writes JSON in which such texts are integers again. */
const exactJson = (value: unknown): string => JSON.stringify(value).replace(/"(-?\d{16,})"/g, '$1');

const expectedOf = (name: string): Expected => exactly(readFileSync(join(EXAMPLES, name, 'expected.json'), 'utf8')) as Expected;

/** The tensors of each row, one after the other: every first dimension is the number of rows. */
function rowsOf(tensors: readonly ExpectedTensor[]): readonly (readonly ExpectedTensor[])[] {
  const [rows = 0] = tensors[0]?.shape ?? [];
  return Array.from({ length: rows }, (_, row) =>
    tensors.map((tensor) => {
      const width = tensor.data.length / rows;
      return { ...tensor, shape: tensor.shape.slice(1), data: tensor.data.slice(row * width, (row + 1) * width) };
    }),
  );
}

/** An instance as V1 writes it: the values of the one input, or those of several by their names. */
function valuesByName(tensors: readonly ExpectedTensor[]): unknown {
  const values = tensors.map(({ name, shape, data }) => [name, shape.length === 0 ? data[0] : data] as const);
  return values.length === 1 ? values[0]?.[1] : Object.fromEntries(values);
}

const flat = (value: unknown): unknown[] => (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]);

describe('V1 predict, asked of a node with ONNX models', () => {
  let node: NodeProcess;
  before(async () => {
    node = await NodeProcess.start();
    await applyExamples(node);
  });
  after(() => node[Symbol.asyncDispose]());

  const predict = async (path: string, body: unknown): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${node.url}/v1/models/${path}:predict`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, text: await response.text() };
  };
  const predictionsOf = async (path: string, instances: unknown): Promise<readonly unknown[]> => {
    const { status, text } = await predict(path, exactJson({ instances }));
    assert.equal(status, 200, text);
    return (exactly(text) as { predictions: unknown[] }).predictions;
  };

  function isClose(got: unknown, wanted: ExpectedTensor, { absolute, relative }: Expected['tolerance'], label: string): void {
    const values = flat(got);
    assert.equal(values.length, wanted.data.length, label);
    for (const [at, want] of wanted.data.entries()) {
      const value = values[at];
      if (typeof want === 'string' || wanted.datatype === 'INT64') assert.equal(value, want, label);
      else {
        const apart = Math.abs(Number(value) - want);
        assert.ok(apart <= absolute + relative * Math.abs(want), `${label}: ${value} is not ${want}`);
      }
    }
  }

  it('answers the rows of every example, all cases stacked into one request, with the values of its training library', async () => {
    let compared = 0;
    for (const name of exampleNames()) {
      const { model, tolerance, cases } = expectedOf(name);
      const [key = '', version] = model.split('@');
      const rows = cases.flatMap(({ request, outputs }) =>
        rowsOf(request.inputs).map((row, at) => [row, rowsOf(outputs)[at]] as const),
      );
      const instances = rows.map(([row]) => valuesByName(row));
      const path = version === undefined ? key : `${key}/versions/${version}`;
      const predictions = await predictionsOf(path, instances);
      assert.equal(predictions.length, rows.length, name);
      for (const [at, [, outputs = []]] of rows.entries()) {
        for (const output of outputs) {
          const prediction = predictions[at];
          const got = outputs.length === 1 ? prediction : (prediction as Record<string, unknown>)[output.name];
          isClose(got, output, tolerance, `${name}, row ${at}, ${output.name}`);
          compared += 1;
        }
      }
    }
    assert.ok(compared > exampleNames().length, 'some examples have several outputs');
  });

  it('keeps every digit of integers that no double can hold, in rows and in columns', async () => {
    const rows = await predict('int64', '{"instances":[9007199254740993]}');
    assert.deepEqual(rows, { status: 200, text: '{"predictions":[{"next":9007199254740994,"bucket":993}]}' });
    const columns = await predict('int64', '{"inputs":[9007199254740993]}');
    assert.deepEqual(columns, { status: 200, text: '{"outputs":{"next":[9007199254740994],"bucket":[993]}}' });
  });

  it('takes the newest version of a family, and the one that is named', async () => {
    const features = [[6.3, 3.3, 4.7, 1.6]];
    const newest = await predictionsOf('iris', features);
    assert.deepEqual(await predictionsOf('iris/versions/2', features), newest);
    assert.notDeepEqual(await predictionsOf('iris/versions/1', features), newest);
  });

  it('refuses what does not fit the model, in the form of its errors, naming the input or the model', async () => {
    const refusals = await Promise.all([
      predict('iris', { instances: [[1, 2, 3]] }),
      predict('iris', { instances: [{ petals: [1, 2, 3, 4] }] }),
      predict('nobody', { instances: [[1]] }),
    ]);
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [400, 400, 404],
    );
    const errors = refusals.map(({ text }) => (JSON.parse(text) as { error: string }).error);
    for (const [at, named] of [/features/, /petals|features/, /nobody/].entries()) assert.match(errors[at] ?? '', named);
  });
});
