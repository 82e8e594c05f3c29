import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeInferRequest, encodeInferRequest } from '../proto/index.ts';
import { encodeRestInferResponse, PLAIN_ANSWER } from './index.ts';
import { ask, dataOf, refusal, refused, response, tell, tensor, textOf, withBinary, x } from './testing/asking.ts';

/** The numbers are those of spec `kserve.md` §6.5. */
describe('edge cases of the Open Inference Protocol', () => {
  it('1: id is echoed, also where the runtime does not; an empty one is left out', () => {
    const told = (runtime: string, asked: string) =>
      JSON.parse(
        textOf(encodeRestInferResponse(response([], { id: runtime }), { modelName: 'm', id: asked, answer: PLAIN_ANSWER })),
      ).id;
    assert.deepEqual([told('r', 'r'), told('', 'a'), told('', '')], ['r', 'a', undefined]);
  });

  it('2: an output that the model does not have, or asked for twice, is refused', () => {
    const answer = { binaryByDefault: false, outputs: [{ name: 'z', binary: false }] };
    assert.equal(
      refusal(() => tell([tensor('y', 'INT8', [1], [1])], { answer })),
      'invalid-argument: unexpected inference output "z"; the model answered with "y"',
    );
    assert.match(refused({ inputs: [x], outputs: [{ name: 'y' }, { name: 'y' }] }), /output "y" is given twice/);
  });

  it('3: a repeated input name is refused', () => {
    assert.equal(refused({ inputs: [x, x] }), 'invalid-argument: input "x" is given twice');
  });

  it('4: a shape that does not hold the elements is refused with both numbers', () => {
    assert.match(refused({ inputs: [{ ...x, shape: [3] }] }), /input "x": shape \[3\] needs 3 elements, its data holds 2/);
    assert.match(
      refused({ inputs: [{ name: 'x', datatype: 'BOOL', shape: [3], data: [true] }] }),
      /needs 3 elements, its data holds 1/,
    );
  });

  it('5: nested and flat data are equal, ragged data is refused', () => {
    const of = (data: unknown) => dataOf(ask({ inputs: [{ ...x, shape: [2, 3], data }] }));
    assert.deepEqual(
      of([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      of([1, 2, 3, 4, 5, 6]),
    );
    assert.match(
      refused({
        inputs: [
          {
            ...x,
            shape: [2, 3],
            data: [
              [1, 2, 3],
              [4, 5],
            ],
          },
        ],
      }),
      /ragged/,
    );
    assert.match(
      refused({
        inputs: [
          {
            ...x,
            shape: [2, 3],
            data: [
              [1, 2],
              [3, 4],
              [5, 6],
            ],
          },
        ],
      }),
      /nested as \[3,2\], its shape is \[2,3\]/,
    );
  });

  it('6: -1 is refused in requests and responses', () => {
    assert.match(
      refused({ inputs: [{ ...x, shape: [-1, 2] }] }),
      /input "x": shape \[-1,2\] must hold non-negative integers only/,
    );
  });

  it('7: empty tensors and scalars', () => {
    for (const [shape, data] of [
      [[0], []],
      [[2, 0], []],
      [
        [2, 0],
        [[], []],
      ],
      [[0, 2], []],
    ]) {
      assert.deepEqual(dataOf(ask({ inputs: [{ ...x, shape, data }] })), []);
    }
    assert.deepEqual(dataOf(ask({ inputs: [{ ...x, shape: [], data: 7 }] })), [7]);
    assert.deepEqual(dataOf(ask({ inputs: [{ ...x, shape: [], data: [7] }] })), [7]);
    const { outputs } = JSON.parse(textOf(tell([tensor('s', 'INT8', [], [7]), tensor('e', 'FP32', [2, 0], [])])));
    assert.deepEqual(
      outputs.map(({ data }: { data: unknown }) => data),
      [[7], []],
    );
    const [body, options] = withBinary({
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [0], parameters: { binary_data_size: 0 } }],
    });
    assert.deepEqual(dataOf(ask(body, options)), []);
  });

  it('8: 64-bit integers beyond 2^53 are exact both ways', () => {
    const text = '[9007199254740993,-9223372036854775808,9223372036854775807]';
    const { request } = ask(`{"inputs":[{"name":"x","datatype":"INT64","shape":[3],"data":${text}}]}`);
    assert.ok(textOf(tell([...request.inputs])).includes(`"data":${text}`));
  });

  it('9: NaN and infinities are strings in answers, and accepted bare in requests', () => {
    const { request } = ask('{"inputs":[{"name":"x","datatype":"FP32","shape":[3],"data":[NaN,-Infinity,"Infinity"]}]}');
    assert.ok(textOf(tell([...request.inputs])).includes('"data":["NaN","-Infinity","Infinity"]'));
  });

  it('10: FP16 and BF16 travel as binary only', () => {
    for (const datatype of ['FP16', 'BF16'] as const) {
      assert.match(
        refused({ inputs: [{ ...x, datatype }] }),
        new RegExp(`input "x": ${datatype} has no JSON form; send it as binary tensor data`),
      );
      assert.match(
        refusal(() => tell([tensor('y', datatype, [1], [0, 60])])),
        /output "y": .* has no JSON form; ask for it as binary_data/,
      );
      const [body, options] = withBinary(
        { inputs: [{ name: 'x', datatype, shape: [1], parameters: { binary_data_size: 2 } }] },
        Uint8Array.of(0, 60),
      );
      assert.deepEqual(dataOf(ask(body, options)), [0, 60]);
      const told = tell([tensor('y', datatype, [1], [0, 60])], { answer: { binaryByDefault: true, outputs: [] } });
      assert.deepEqual([...Buffer.concat(told.chunks).subarray(told.headerLength)], [0, 60]);
    }
  });

  it('11: BYTES that are not UTF-8 must be asked for as binary', () => {
    const y = tensor('y', 'BYTES', [2], [1, 0, 0, 0, 65, 1, 0, 0, 0, 255]);
    assert.match(
      refusal(() => tell([y])),
      /output "y": element 1 is not UTF-8 and so no JSON string; ask for this output as binary_data/,
    );
    assert.ok(tell([y], { answer: { binaryByDefault: true, outputs: [] } }).headerLength);
  });

  it('12: a binary BOOL other than 0 and 1 is refused', () => {
    const [body, options] = withBinary(
      { inputs: [{ name: 'x', datatype: 'BOOL', shape: [2], parameters: { binary_data_size: 2 } }] },
      Uint8Array.of(1, 7),
    );
    assert.match(
      refusal(() => ask(body, options)),
      /input "x": element 1 of a BOOL tensor is the byte 7/,
    );
  });

  it('13: small integers are checked for their range', () => {
    assert.match(refused({ inputs: [{ ...x, data: [1, 128] }] }), /input "x": element 1 of its data: 128 does not fit in INT8/);
  });

  it('16: 1 is an int64 parameter, 1.0 a double, beyond int64 a uint64, and null none', () => {
    const { request } = ask(
      '{"inputs":[],"parameters":{"i":1,"d":1.0,"e":1e0,"u":18446744073709551615,"n":null,"b":true,"s":"1"}}',
    );
    const read = decodeInferRequest(Buffer.concat(encodeInferRequest(request))).parameters;
    assert.deepEqual([...read.values()], [1n, 1, 1, 2n ** 64n - 1n, null, true, '1']);
  });

  it('21: model_version is left out when unset, and the caller may set it', () => {
    assert.ok(!textOf(tell([])).includes('model_version'));
    assert.equal(textOf(tell([], { modelVersion: '3' })), '{"model_name":"m","model_version":"3","outputs":[]}');
  });

  describe('24: the binary section', () => {
    const binary = (name: string, size: unknown, shape = [2]) => ({
      name,
      datatype: 'INT8',
      shape,
      parameters: { binary_data_size: size, keep: 1 },
    });
    const [body, options] = withBinary(
      { inputs: [binary('a', 2), { ...x, name: 'j' }, binary('b', 3, [3])] },
      Uint8Array.of(1, 2),
      Uint8Array.of(3, 4, 5),
    );

    it('is taken in the order of the inputs, between inputs in JSON, as slices of the body', () => {
      const asked = ask(body, options);
      assert.deepEqual(
        [0, 1, 2].map((index) => dataOf(asked, index)),
        [
          [1, 2],
          [1, 2],
          [3, 4, 5],
        ],
      );
      assert.equal(asked.request.inputs[0]?.data.buffer, body.buffer);
      assert.deepEqual(asked.request.inputs[0]?.parameters, new Map([['keep', 1n]]));
    });

    it('begins where the header says; a header that cannot be is refused', () => {
      const header = (headerLength: string) => refusal(() => ask(body, { headerLength }));
      assert.match(header(String(body.length + 1)), /Inference-Header-Content-Length "\d+" is more than the body of \d+ bytes/);
      assert.match(header('-5'), /"-5" is not a number of bytes/);
      assert.match(header('twelve'), /"twelve" is not a number of bytes/);
      assert.match(header(''), /"" is not a number of bytes/);
      assert.match(header('1e2'), /is not a number of bytes/);
      assert.match(header('0'), /"0" leaves no JSON/);
      assert.match(header('10'), /invalid JSON at line 1, column 11: unexpected end/);
      assert.match(header(String(Number(options.headerLength) + 1)), /expected the end of the document/);
    });

    it('must be declared by the header', () => {
      assert.match(
        refused({ inputs: [binary('a', 0, [0])] }),
        /input "a" has binary_data_size, but the request has no Inference-Header-Content-Length/,
      );
    });

    it('must hold exactly the tensors', () => {
      const sized = (size: unknown, bytes: number, shape?: number[]) => {
        const [sizedBody, sizedOptions] = withBinary({ inputs: [binary('a', size, shape)] }, new Uint8Array(bytes));
        return refusal(() => ask(sizedBody, sizedOptions));
      };
      assert.equal(sized(2, 2), 'accepted');
      assert.match(sized(2, 3), /1 bytes follow the last binary tensor/);
      assert.match(sized(2, 1), /input "a" has a binary_data_size of 2, but only 1 bytes are left/);
      assert.match(sized(3, 3), /input "a": INT8 of shape \[2\] needs 2 bytes, got 3/);
      assert.match(sized(-1, 0), /binary_data_size must be a non-negative integer/);
      assert.match(sized('2', 2), /binary_data_size must be a non-negative integer/);
      assert.match(sized(2.5, 2), /binary_data_size must be a non-negative integer/);
    });

    it('and data exclude one another', () => {
      assert.match(refused({ inputs: [{ ...binary('a', 2), data: [1, 2] }] }), /input "a" has both "data" and binary_data_size/);
    });

    it('may be absent although the header is there', () => {
      const text = JSON.stringify({ inputs: [x] });
      assert.deepEqual(dataOf(ask(text, { headerLength: String(text.length) })), [1, 2]);
    });

    it('of an answer follows the JSON in the order of the outputs, as the runtime’s own bytes', () => {
      const outputs = [tensor('a', 'INT8', [2], [1, 2]), tensor('j', 'INT8', [1], [9]), tensor('b', 'INT8', [3], [3, 4, 5])];
      const answer = {
        binaryByDefault: true,
        outputs: [
          { name: 'b', binary: true },
          { name: 'j', binary: false },
          { name: 'a', binary: true },
        ],
      };
      const told = tell(outputs, { answer });
      const whole = Buffer.concat(told.chunks);
      const json = JSON.parse(whole.subarray(0, told.headerLength).toString());
      assert.deepEqual(json.outputs, [
        { name: 'b', datatype: 'INT8', shape: [3], parameters: { binary_data_size: 3 } },
        { name: 'j', datatype: 'INT8', shape: [1], data: [9] },
        { name: 'a', datatype: 'INT8', shape: [2], parameters: { binary_data_size: 2 } },
      ]);
      assert.deepEqual([...whole.subarray(told.headerLength)], [3, 4, 5, 1, 2]);
      assert.equal(told.contentType, 'application/octet-stream');
      assert.equal(told.byteLength, whole.length);
      assert.ok(told.chunks.includes(outputs[0]?.data ?? new Uint8Array(0)));
    });
  });

  it('25: what an output says beats the request, which is the default of the rest and of outputs not listed', () => {
    const form = (body: object) => ask({ inputs: [x], ...body }).answer;
    const binaryDefault = { parameters: { binary_data_output: true } };
    assert.deepEqual(form(binaryDefault), { binaryByDefault: true, outputs: [] });
    assert.deepEqual(
      form({ ...binaryDefault, outputs: [{ name: 'a', parameters: { binary_data: false } }, { name: 'b' }] }).outputs,
      [
        { name: 'a', binary: false },
        { name: 'b', binary: true },
      ],
    );
    assert.deepEqual(form({ outputs: [{ name: 'a', parameters: { binary_data: true } }, { name: 'b' }] }).outputs, [
      { name: 'a', binary: true },
      { name: 'b', binary: false },
    ]);
    assert.match(refused({ inputs: [x], parameters: { binary_data_output: 1 } }), /binary_data_output must be true or false/);
    assert.match(
      refused({ inputs: [x], outputs: [{ name: 'a', parameters: { binary_data: 'yes' } }] }),
      /output "a": binary_data must be true or false/,
    );
    assert.equal(ask({ inputs: [x], ...binaryDefault }).request.parameters.size, 0, 'the runtime is not told');
    const told = tell([tensor('a', 'INT8', [1], [1]), tensor('b', 'INT8', [0], [])], { answer: form(binaryDefault) });
    assert.equal(told.byteLength - (told.headerLength ?? 0), 1);
  });
});
