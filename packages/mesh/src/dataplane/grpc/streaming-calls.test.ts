import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { epochMs } from '@modelmesh/core';
import { type CallOptions, GrpcStatusError, methodPath, type RawMethod, rawMethod } from '@modelmesh/grpc/call';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { GRPCInferenceService, ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { GATHER, SPREAD, TestNode } from '../../testing/index.ts';
import { patterned } from '../call/testing/index.ts';
import { DEFAULT_METHOD_RULES } from '../rules/index.ts';

const STREAM_INFER = rawMethod(methodPath(GRPCInferenceService.method.modelStreamInfer));
const KIB = 1024;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** `model_name` and `id` of a request, as a client encodes them. */
const inferRequest = (modelName: string, id: string): Uint8Array =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName, id }));

async function* given(messages: readonly Uint8Array[]): AsyncGenerator<Uint8Array[]> {
  // What is sent is given away.
  for (const message of messages) yield [Buffer.from(message)];
}

describe('streaming gRPC calls for a model', () => {
  let node: TestNode;
  const injected = methodPath(GRPCInferenceService.method.modelStreamInfer).slice(1);
  before(async () => {
    node = await TestNode.start({ rules: DEFAULT_METHOD_RULES });
  });
  after(() => node.close());

  const register = (modelId: string, to = node) =>
    to.running.control.registerModel(
      { modelId, info: { type: 'onnx', path: 'p', encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      new AbortController().signal,
    );
  const exchange = (method: RawMethod, messages: readonly Uint8Array[], options: CallOptions = {}, to = node) =>
    to.client.exchange(method, given(messages), options);
  const loadsOf = (model: string): number => node.runtime.loads.filter((loaded) => loaded === model).length;
  const failureOf = async (answers: AsyncIterableIterator<Uint8Array>, heard: string[]): Promise<GrpcStatusError> => {
    try {
      for await (const answer of answers) heard.push(text(answer));
    } catch (error) {
      assert.ok(error instanceof GrpcStatusError, String(error));
      return error;
    }
    throw new Error(`the call ended well after ${heard.length} answers`);
  };
  function nothingIsLeft(of = node): void {
    const { replay, opening, rewriteRoom, locator, runtime, deadlines } = of.dataPlane.plane;
    const left = [replay.used, opening.used, rewriteRoom.used, locator.waitingCalls, runtime.waiting, deadlines.count];
    assert.deepEqual(left, [0, 0, 0, 0, 0, 0], 'replay, opening, rewritten, located, runtime, deadlines');
  }

  it('client-streaming: many messages, more than every window, become one answer, and load their model once', async () => {
    await register('gather');
    const messages = Array.from({ length: 60 }, (_, index) => patterned(64 * KIB + index));
    const answers = await Array.fromAsync(exchange(GATHER, messages, { headers: ['mm-model-id', 'gather'] }));
    assert.equal(answers.length, 1);
    assert.equal(Buffer.compare(answers[0] ?? Buffer.of(), Buffer.concat(messages)), 0);
    assert.equal(loadsOf('gather'), 1);
    nothingIsLeft();
  });

  it('client-streaming: several messages are not repeated when the runtime has lost their model, which the next call finds again', async () => {
    await register('lost');
    const options = { headers: ['mm-model-id', 'lost'] };
    const words = ['a', 'b', 'c'].map(Buffer.from);
    await Array.fromAsync(exchange(GATHER, [], options));
    node.runtime.loaded.delete('lost');
    const { code, message } = await failureOf(exchange(GATHER, words, options), []);
    assert.deepEqual([code, message, loadsOf('lost')], [5, 'model lost is not loaded', 1]);
    assert.deepEqual((await Array.fromAsync(exchange(GATHER, words, options))).map(text), ['abc']);
    assert.equal(loadsOf('lost'), 2);
    nothingIsLeft();
  });

  it('server-streaming: one message is repeated when the runtime has lost its model, within the call', async () => {
    await register('again');
    const options = { headers: ['mm-model-id', 'again'] };
    await Array.fromAsync(exchange(SPREAD, [Buffer.from('x')], options));
    node.runtime.loaded.delete('again');
    const answers = await Array.fromAsync(exchange(SPREAD, [Buffer.from('one two')], options));
    assert.deepEqual(answers.map(text), ['one', 'two']);
    assert.equal(loadsOf('again'), 2);
    nothingIsLeft();
  });

  it('server-streaming: one message becomes many answers, more than every window', async () => {
    await register('spread');
    const words = Array.from({ length: 60 }, (_, index) => String(index).padEnd(64 * KIB, '.'));
    const answers = await Array.fromAsync(
      exchange(SPREAD, [Buffer.from(words.join(' '))], { headers: ['mm-model-id', 'spread'] }),
    );
    assert.deepEqual(answers.map(text), words);
    nothingIsLeft();
  });

  it('server-streaming: an error in the middle comes after the answers before it, and nothing is repeated', async () => {
    await register('breaks');
    const heard: string[] = [];
    const { code, message } = await failureOf(
      exchange(SPREAD, [Buffer.from('one two fail three')], { headers: ['mm-model-id', 'breaks'] }),
      heard,
    );
    assert.deepEqual([code, message, heard], [15, 'the rest is lost', ['one', 'two']]);
    // What the node asks by itself, every two seconds, reaches the runtime too.
    assert.equal(node.runtime.seen.filter((headers) => headers.get('mm-model-id') === 'breaks').length, 1);
    nothingIsLeft();
  });

  it('server-streaming: the runtime hears of a caller that leaves in the middle', async () => {
    await register('left');
    const cancelled = node.runtime.spreadsCancelled;
    for await (const answer of exchange(SPREAD, [Buffer.from('one wait two')], { headers: ['mm-model-id', 'left'] })) {
      assert.equal(text(answer), 'one');
      break;
    }
    while (node.runtime.spreadsCancelled === cancelled) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(node.runtime.spreadsCancelled, cancelled + 1);
    nothingIsLeft();
  });

  it('ModelStreamInfer: the first message names the model for all of them, which reach the runtime as they came', async () => {
    await register('first');
    const messages = [inferRequest('first', '1'), inferRequest('nobody', '2'), inferRequest('', '3'), Buffer.alloc(0)];
    const options = { onHeaders: (block: HeaderBlock) => assert.equal(block.get(':status'), '200') };
    const answers = await Array.fromAsync(exchange(STREAM_INFER, messages, options));
    assert.deepEqual(answers.map(Buffer.from), messages.map(Buffer.from));
    assert.equal(loadsOf('first'), 1);
    assert.equal(node.runtime.seen.at(-1)?.get('mm-model-id'), 'first');
    nothingIsLeft();
  });

  it('ModelStreamInfer: each message is answered before the next is asked', async () => {
    await register('turns');
    const heard: string[] = [];
    let answered = Promise.withResolvers<void>();
    async function* turns(): AsyncGenerator<Uint8Array[]> {
      for (const id of ['1', '2', '3']) {
        yield [inferRequest('turns', id)];
        await answered.promise;
      }
    }
    for await (const answer of node.client.exchange(STREAM_INFER, turns(), {})) {
      heard.push(text(answer));
      const { resolve } = answered;
      answered = Promise.withResolvers();
      resolve();
    }
    assert.deepEqual(
      heard,
      ['1', '2', '3'].map((id) => text(inferRequest('turns', id))),
    );
    nothingIsLeft();
  });

  it('ModelStreamInfer: a first message that names no model, or an unknown one, is refused with what is missing', async () => {
    const nameless = await failureOf(exchange(STREAM_INFER, [inferRequest('', '1'), inferRequest('first', '2')]), []);
    assert.deepEqual([nameless.code, nameless.message], [3, 'must include mm-model-id header']);
    const unknown = await failureOf(exchange(STREAM_INFER, [inferRequest('nobody', '1')]), []);
    assert.equal(unknown.code, 5);
    assert.match(unknown.message, /nobody/);
    nothingIsLeft();
  });

  it('ModelStreamInfer: a runtime that wants the model in its messages gets it in every one of them', async () => {
    const injecting = await TestNode.start({ rules: DEFAULT_METHOD_RULES, runtime: { methods: { [injected]: [1] } } });
    try {
      await register('m', injecting);
      const messages = ['m', 'other', ''].map((name, index) => inferRequest(name, String(index)));
      const answers = await Array.fromAsync(exchange(STREAM_INFER, messages, {}, injecting));
      assert.deepEqual(
        answers.map((answer) => fromBinary(ModelInferRequestSchema, answer)).map(({ modelName, id }) => [modelName, id]),
        [0, 1, 2].map((index) => ['m', String(index)]),
      );
      nothingIsLeft(injecting);
    } finally {
      await injecting.close();
    }
  });
});
