import assert from 'node:assert/strict';
import { it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { epochMs } from '@modelmesh/core';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { TestNode } from '../../testing/index.ts';

const METHOD = rawMethod('/inference.GRPCInferenceService/ModelInfer');
const BYTES = 1024 * 1024;

it('many large messages into which the key is written arrive whole, with the pace of the runtime', async () => {
  const node = await TestNode.start({ runtime: { methods: { 'inference.GRPCInferenceService/ModelInfer': [1] } } });
  const { signal } = new AbortController();
  const info = { type: 'onnx', path: 'slow 100', encKey: '' };
  await node.running.control.registerModel(
    { modelId: 'wide', info, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
    signal,
  );
  const message = (at: number): Uint8Array =>
    toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, { id: `call ${at}`, rawInputContents: [new Uint8Array(BYTES).fill(at)] }),
    );
  const calls = Array.from({ length: 60 }, (_, at) =>
    node.client.call(METHOD, [message(at)], { headers: ['mm-model-id', 'wide'] }),
  );
  for (const [at, answer] of (await Promise.all(calls)).entries()) {
    const seen = fromBinary(ModelInferRequestSchema, answer);
    assert.deepEqual(
      [seen.modelName, seen.id, seen.rawInputContents[0]?.length, seen.rawInputContents[0]?.at(-1)],
      ['wide', `call ${at}`, BYTES, at],
    );
  }
  await node.close();
});
