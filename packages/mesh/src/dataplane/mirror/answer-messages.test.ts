import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { durationMs } from '@modelmesh/core';
import { frameMessage, framePrefix } from '@modelmesh/grpc/framing';
import { hasTensors, messagesOf } from './answer-messages.ts';
import { INFER, scores } from './testing/index.ts';

const LIMITS = { outputBytesMax: 2_000_000, ratioMax: 10 };
const STREAM = 'inference.GRPCInferenceService/ModelStreamInfer';
const answerOf = (chunks: readonly Uint8Array[], encoding: 'identity' | 'gzip' = 'identity') => ({
  ...{ chunks, encoding, code: 0, tookMs: durationMs(1) },
});
const compressed = (message: Uint8Array): Uint8Array => {
  const packed = gzipSync(message);
  return Buffer.concat([framePrefix(packed.length, true), packed]);
};

describe('the messages of a recorded answer', () => {
  it('are whole however they were cut, and hold tensors where the method says so', async () => {
    const framed = Buffer.concat([scores([1, 2]), scores([3])].flatMap((message) => frameMessage([message])));
    for (const cut of [1, 5, 7, framed.length]) {
      const chunks = Array.from({ length: Math.ceil(framed.length / cut) }, (_, at) => framed.subarray(at * cut, (at + 1) * cut));
      const messages = await messagesOf(INFER, answerOf(chunks), LIMITS);
      const values = messages.map((message) => Array.from<unknown>(message.tensors()[0]?.elements.values ?? []));
      assert.deepEqual(values, [[1, 2], [3]]);
    }
    const [other] = await messagesOf('any.Service/Call', answerOf(frameMessage([Buffer.from('text')])), LIMITS);
    assert.equal(Buffer.from(other?.bytes ?? []).toString(), 'text');
    assert.throws(() => other?.tensors(), /hold no tensors/);
    assert.deepEqual([INFER, STREAM, 'any.Service/Call'].map(hasTensors), [true, true, false]);
  });

  it('are inflated within limits', async () => {
    const [message] = await messagesOf(INFER, answerOf([compressed(scores([0.5]))], 'gzip'), LIMITS);
    assert.deepEqual(Array.from<unknown>(message?.tensors()[0]?.elements.values ?? []), [0.5]);
    await assert.rejects(
      messagesOf(INFER, answerOf([compressed(new Uint8Array(1_900_000))], 'gzip'), LIMITS),
      /grows above 10 times/,
    );
    await assert.rejects(messagesOf(INFER, answerOf([compressed(scores([1]))]), LIMITS), /no grpc-encoding/);
  });

  it('that tell an error in a stream, or are no message, cannot be compared as tensors', async () => {
    const error = Buffer.from([0x0a, 3, ...Buffer.from('bad')]);
    const [told] = await messagesOf(STREAM, answerOf(frameMessage([error])), LIMITS);
    assert.throws(() => told?.tensors(), /the stream tells an error: bad/);
    const [broken] = await messagesOf(INFER, answerOf(frameMessage([Buffer.from('other')])), LIMITS);
    assert.throws(() => broken?.tensors(), /malformed message/);
  });
});
