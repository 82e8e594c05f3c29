/** The edge cases of the Open Inference Protocol that concern tensors in REST; numbers are those of spec `kserve.md` §6.5. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { ModelInferResponseSchema } from '@modelmesh/wire/inference';
import type { Tensor } from '@modelmesh/wire/oip';
import { answerOf, echo, errorOf, jsonOf, overBoth, type RestRig, textOf200, textTensor } from './testing/index.ts';

const INFER = '/v2/models/echo/infer';

async function prepare(rig: RestRig): Promise<void> {
  await rig.model('echo', { behaviour: { inputs: [], infer: echo } });
  await rig.model('picky', {
    behaviour: {
      inputs: [],
      infer: () => {
        throw new GrpcStatusError(3, 'input "y" is missing; the model has no input "x"');
      },
    },
  });
}

const input = (datatype: string, shape: readonly number[], data: unknown, name = 'x') => ({ name, datatype, shape, data });
/** A body of JSON with binary tensors behind it. */
function binary(request: unknown, ...tensors: readonly Uint8Array[]): { body: Buffer; headers: Record<string, string> } {
  const json = Buffer.from(JSON.stringify(request));
  return {
    body: Buffer.concat([json, ...tensors]),
    headers: { 'content-type': 'application/octet-stream', 'Inference-Header-Content-Length': String(json.length) },
  };
}
const binaryInput = (datatype: string, shape: readonly number[], size: number, name = 'x') => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: size },
});

overBoth('V2 tensors', {}, prepare, (on) => {
  const infer = (inputs: readonly unknown[], more: object = {}) => on.post(INFER, { inputs, ...more });
  const refused = async (inputs: readonly unknown[], sentence: RegExp, more: object = {}): Promise<void> =>
    assert.match(errorOf(await infer(inputs, more), 400), sentence);

  it('1: echoes an id, and leaves it out where there is none or an empty one', async () => {
    const inputs = [input('INT8', [1], [1])];
    assert.match(textOf200(await infer(inputs, { id: 'call 7' })), /"id":"call 7"/);
    assert.doesNotMatch(textOf200(await infer(inputs)), /"id"/);
    assert.doesNotMatch(textOf200(await infer(inputs, { id: '' })), /"id"/);
  });

  it('2: refuses an output that the model does not have, and one that is asked for twice', async () => {
    const inputs = [input('INT8', [1], [1])];
    await refused(inputs, /unexpected inference output "z".*"x"/, { outputs: [{ name: 'z' }] });
    await refused(inputs, /output "x" is given twice/, { outputs: [{ name: 'x' }, { name: 'x' }] });
  });

  it('2: answers with the outputs asked for, in their order', async () => {
    const inputs = [input('INT8', [1], [1], 'a'), input('INT8', [1], [2], 'b'), input('INT8', [1], [3], 'c')];
    const answer = jsonOf(await infer(inputs, { outputs: [{ name: 'c' }, { name: 'a' }] })) as { outputs: { name: string }[] };
    assert.deepEqual(
      answer.outputs.map(({ name }) => name),
      ['c', 'a'],
    );
  });

  it('3: refuses an input that is given twice; of a missing or unknown one the runtime’s own sentence comes back', async () => {
    await refused([input('INT8', [1], [1]), input('INT8', [1], [1])], /input "x" is given twice/);
    const answer = await on.post('/v2/models/picky/infer', { inputs: [input('INT8', [1], [1])] });
    assert.equal(errorOf(answer, 400), 'input "y" is missing; the model has no input "x"');
  });

  it('4: refuses data that does not fill its shape', async () => {
    await refused([input('BOOL', [3], [true])], /"x".*\[3\]/);
    await refused([input('FP32', [1], [1, 2])], /"x"/);
  });

  it('5: reads nested and flat data alike, and refuses ragged data', async () => {
    const flat = textOf200(await infer([input('FP32', [2, 2], [1, 2, 3, 4.5])]));
    const nested = textOf200(
      await infer([
        input(
          'FP32',
          [2, 2],
          [
            [1, 2],
            [3, 4.5],
          ],
        ),
      ]),
    );
    assert.equal(flat, nested);
    await refused([input('FP32', [2, 2], [[1, 2], [3]])], /"x"/);
  });

  it('6: refuses -1 in the shape of a request', async () => {
    await refused([input('FP32', [-1], [1])], /"x"/);
  });

  it('7: carries empty tensors and scalars', async () => {
    for (const [shape, data] of [
      [[0], []],
      [[2, 0], []],
      [[], [5]],
    ] as const) {
      const answer = textOf200(await infer([input('INT32', shape, data)]));
      assert.match(answer, new RegExp(`"shape":\\[${shape.join(',')}\\],"data":\\[${data.join(',')}\\]`));
    }
    assert.match(textOf200(await infer([input('BYTES', [0], [])])), /"shape":\[0\],"data":\[\]/);
  });

  it('8: keeps every bit of 64-bit integers', async () => {
    const body = (datatype: string, data: string) =>
      `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[2],"data":[${data}]}]}`;
    const signed = '-9223372036854775808,9007199254740993';
    const unsigned = '18446744073709551615,9007199254740993';
    assert.match(textOf200(await on.post(INFER, body('INT64', signed))), new RegExp(`"data":\\[${signed}\\]`));
    assert.match(textOf200(await on.post(INFER, body('UINT64', unsigned))), new RegExp(`"data":\\[${unsigned}\\]`));
    errorOf(await on.post(INFER, body('INT64', '9223372036854775808,0')), 400);
  });

  it('9: reads NaN and infinities as strings or bare, and writes them as strings', async () => {
    const body = (data: string) => `{"inputs":[{"name":"x","datatype":"FP64","shape":[3],"data":[${data}]}]}`;
    const strings = '"NaN","Infinity","-Infinity"';
    assert.ok(textOf200(await on.post(INFER, body(strings))).includes(`"data":[${strings}]`));
    assert.ok(textOf200(await on.post(INFER, body('NaN,Infinity,-Infinity'))).includes(`"data":[${strings}]`));
  });

  it('10: has FP16 and BF16 in binary form only', async () => {
    for (const datatype of ['FP16', 'BF16']) {
      await refused([input(datatype, [1], [1])], new RegExp(datatype));
      const { body, headers } = binary({ inputs: [binaryInput(datatype, [1], 2)] }, Buffer.from([0, 60]));
      assert.match(errorOf(await on.post(INFER, body, headers), 400), new RegExp(datatype));
      const both = binary(
        { inputs: [binaryInput(datatype, [1], 2)], parameters: { binary_data_output: true } },
        Buffer.from([0, 60]),
      );
      const answer = await on.post(INFER, both.body, both.headers);
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual([...answer.body.subarray(-2)], [0, 60]);
    }
  });

  it('11: has UTF-8 in JSON, and any bytes in binary form', async () => {
    const texts = ['', 'ä€😀', '"\\\n'];
    const answer = jsonOf(await infer([input('BYTES', [3], texts)])) as { outputs: { data: string[] }[] };
    assert.deepEqual(answer.outputs[0]?.data, texts);
    const element = Buffer.from([2, 0, 0, 0, 0xff, 0xfe]);
    const asked = (asBinary: boolean) =>
      binary({ inputs: [binaryInput('BYTES', [1], 6)], parameters: { binary_data_output: asBinary } }, element);
    const inJson = asked(false);
    assert.match(errorOf(await on.post(INFER, inJson.body, inJson.headers), 400), /UTF-8/);
    const inBinary = asked(true);
    assert.ok((await on.post(INFER, inBinary.body, inBinary.headers)).body.subarray(-6).equals(element));
  });

  it('12: refuses a BOOL byte that is neither 0 nor 1', async () => {
    const { body, headers } = binary({ inputs: [binaryInput('BOOL', [3], 3)] }, Buffer.from([0, 1, 2]));
    assert.match(errorOf(await on.post(INFER, body, headers), 400), /"x".*byte 2/);
  });

  it('13: refuses integers that do not fit their type', async () => {
    for (const [datatype, value] of [
      ['INT8', 128],
      ['UINT8', 256],
      ['INT16', -32_769],
      ['UINT16', -1],
      ['INT32', 2 ** 31],
      ['UINT32', 2 ** 32],
    ] as const)
      await refused([input(datatype, [1], [value])], /"x"/);
  });

  it('14, 15: reads typed contents of a runtime, and calls a runtime broken whose answer breaks the rules', async () => {
    const answerWith = (raw: Uint8Array[], fp32: number[]): Uint8Array =>
      toBinary(
        ModelInferResponseSchema,
        create(ModelInferResponseSchema, {
          outputs: [{ name: 'x', datatype: 'FP32', shape: [2n], contents: { fp32Contents: fp32 } }],
          rawOutputContents: raw,
        }),
      );
    await on.rig.model('typed', { behaviour: { inputs: [], raw: () => answerWith([], [0.5, 2]) } });
    await on.rig.model('both', { behaviour: { inputs: [], raw: () => answerWith([new Uint8Array(8)], [0.5, 2]) } });
    const ask = (model: string) => on.post(`/v2/models/${model}/infer`, { inputs: [input('INT8', [1], [1])] });
    assert.match(textOf200(await ask('typed')), /"data":\[0\.5,2\]/);
    assert.match(errorOf(await ask('both'), 500), /typed contents beside raw_output_contents/);
  });

  it('16: keeps 1 and 1.0 apart in parameters, and passes what the runtime adds', async () => {
    const parameters = '{"a":1,"b":1.0,"c":"s","d":true,"e":9223372036854775807}';
    const body = `{"parameters":${parameters},"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]}]}`;
    assert.ok(textOf200(await on.post(INFER, body)).includes(`"parameters":${parameters}`));
    const seen = on.rig.runtime.seen.at(-1)?.request?.parameters;
    assert.deepEqual([seen?.get('a'), seen?.get('b'), seen?.get('e')], [1n, 1, 9223372036854775807n]);
  });

  it('24: takes apart JSON and binary tensors in the order of the inputs', async () => {
    const request = {
      inputs: [binaryInput('INT16', [2], 4, 'a'), input('INT8', [1], [7], 'b'), binaryInput('UINT8', [1], 1, 'c')],
    };
    const { body, headers } = binary(request, Buffer.from([1, 0, 2, 0]), Buffer.from([9]));
    const answer = jsonOf(await on.post(INFER, body, headers)) as { outputs: { name: string; data: number[] }[] };
    assert.deepEqual(
      answer.outputs.map(({ name, data }) => [name, data]),
      [
        ['a', [1, 2]],
        ['b', [7]],
        ['c', [9]],
      ],
    );
  });

  it('24: refuses lengths that cannot be', async () => {
    const { body, headers } = binary({ inputs: [binaryInput('UINT8', [2], 2)] }, Buffer.from([1, 2]));
    const length = (value: string) => ({ ...headers, 'Inference-Header-Content-Length': value });
    for (const value of ['-1', 'many', '0', '1e2', String(body.length + 1)])
      errorOf(await on.post(INFER, body, length(value)), 400);
    errorOf(await on.post(INFER, Buffer.concat([body, Buffer.from([3])]), headers), 400);
    errorOf(await on.post(INFER, body.subarray(0, -1), headers), 400);
    const wrongSize = binary({ inputs: [binaryInput('UINT8', [2], 3)] }, Buffer.from([1, 2, 3]));
    errorOf(await on.post(INFER, wrongSize.body, wrongSize.headers), 400);
    const shouted = { 'INFERENCE-HEADER-CONTENT-LENGTH': headers['Inference-Header-Content-Length'] ?? '' };
    assert.equal((await on.post(INFER, body, shouted)).status, 200);
  });

  it('25: lets an output’s binary_data beat the request’s binary_data_output', async () => {
    const inputs = [input('UINT8', [1], [65], 'a'), input('UINT8', [1], [66], 'b')];
    const all = await infer(inputs, { parameters: { binary_data_output: true } });
    assert.equal(all.headers['content-type'], 'application/octet-stream');
    assert.equal(all.body.subarray(Number(all.headers['inference-header-content-length'])).toString(), 'AB');
    const outputs = [{ name: 'a', parameters: { binary_data: false } }, { name: 'b' }];
    const mixed = await infer(inputs, { parameters: { binary_data_output: true }, outputs });
    const length = Number(mixed.headers['inference-header-content-length']);
    assert.equal(mixed.body.subarray(length).toString(), 'B');
    assert.match(mixed.body.subarray(0, length).toString(), /"name":"a".*"data":\[65\].*"name":"b".*"binary_data_size":1/);
    assert.equal(on.rig.runtime.seen.at(-1)?.request?.parameters.size, 0);
  });

  it('carries tensors that are too large for one frame, both ways', async () => {
    const data = Buffer.from(Array.from({ length: 3 << 20 }, (_, index) => (index * 7) % 251));
    const request = { inputs: [binaryInput('UINT8', [data.length], data.length)], parameters: { binary_data_output: true } };
    const { body, headers } = binary(request, data);
    const answer = await on.post(INFER, body, headers);
    assert.equal(answer.status, 200, answer.body.toString().slice(0, 200));
    assert.ok(answer.body.subarray(Number(answer.headers['inference-header-content-length'])).equals(data));
    await on.rig.released();
  });

  it('says where JSON is broken, and what is no UTF-8', async () => {
    assert.match(errorOf(await on.post(INFER, '{"inputs":[\n{"name" "x"}]}'), 400), /line 2/);
    assert.match(errorOf(await on.post(INFER, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400), /UTF-8/);
    assert.match(errorOf(await on.post(INFER, '{}'), 400), /no "inputs"/);
    assert.match(errorOf(await on.post(INFER, ''), 400), /./);
  });

  it('keeps strings of a runtime apart from the text around them', async () => {
    const tensors: Tensor[] = [textTensor('t', 'a"b', '</x>')];
    await on.rig.model('texts', { behaviour: { inputs: [], infer: () => answerOf(...tensors) } });
    const answer = await on.post('/v2/models/texts/infer', { inputs: [input('INT8', [1], [1])] });
    assert.deepEqual((jsonOf(answer) as { outputs: { data: string[] }[] }).outputs[0]?.data, ['a"b', '</x>']);
  });
});
