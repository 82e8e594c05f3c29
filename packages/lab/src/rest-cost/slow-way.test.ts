import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { decodeInferRequest, decodeInferResponse, decodeRestInferRequest, encodeRestInferResponse } from '@modelmesh/wire/oip';
import { FLOATS, floatCalls } from './bodies.ts';
import { slowAnswerOf, slowRequestBytes } from './slow-way.ts';

it('the slow way says what the fast way says', () => {
  for (const style of ['shortest', 'two decimals', 'as Python'] as const) {
    const [call] = floatCalls(style);
    assert.ok(call !== undefined);
    const fast = decodeRestInferRequest(call.body, { modelName: 'm' }).request.inputs[0]?.data;
    for (const raw of [false, true]) {
      const bytes = slowRequestBytes('m', call.body, raw);
      assert.equal(fromBinary(ModelInferRequestSchema, bytes).rawInputContents.length, raw ? 1 : 0);
      assert.deepEqual(decodeInferRequest(bytes).inputs[0]?.data, fast, style);
    }
    const slow = JSON.parse(Buffer.from(slowAnswerOf(call.answer)).toString());
    const answer = { binaryByDefault: false, outputs: [] };
    const { chunks } = encodeRestInferResponse(decodeInferResponse(call.answer), { modelName: 'm', answer });
    const said = JSON.parse(Buffer.concat(chunks).toString());
    assert.equal(said.outputs[0].data.length, FLOATS);
    assert.deepEqual(said.outputs[0].data.map(Math.fround), slow.outputs[0].data);
    assert.deepEqual({ ...said.outputs[0], data: [] }, { ...slow.outputs[0], data: [] });
  }
});
