import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decodeInferResponse, encodeInferRequest, encodeInferResponse } from '../proto/index.ts';
import { decodeRestInferRequest, encodeRestInferResponse } from './index.ts';

const FLOATS = 2048;
const data = new Uint8Array(Float32Array.from({ length: FLOATS }, (_, at) => at / 3).buffer);

it('a binary tensor goes from body to message and from message to body as the bytes that came, not copied', () => {
  const input = { name: 'x', datatype: 'FP32', shape: [FLOATS], parameters: { binary_data_size: data.length } };
  const json = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const body = new Uint8Array(json.length + data.length);
  body.set(json);
  body.set(data, json.length);
  const asked = decodeRestInferRequest(body, { modelName: 'm', headerLength: String(json.length) });
  const sent = encodeInferRequest(asked.request);
  const tensor = sent.find(({ buffer }) => buffer === body.buffer);
  assert.deepEqual([tensor?.byteOffset, tensor?.byteLength], [json.length, data.length]);

  const output = { name: 'y', datatype: 'FP32', shape: [FLOATS], parameters: new Map(), data } as const;
  const head = { modelName: 'm', modelVersion: '', id: '', parameters: new Map() };
  const message = Buffer.concat(encodeInferResponse({ ...head, outputs: [output] }));
  const answer = encodeRestInferResponse(decodeInferResponse(message), { modelName: 'm', answer: asked.answer });
  const raw = answer.chunks.find(({ byteLength }) => byteLength === data.length);
  assert.equal(raw?.buffer, message.buffer);
  assert.deepEqual(new Uint8Array(raw ?? []), data);
});
