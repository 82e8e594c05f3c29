import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { systemClock } from '../../clock/index.ts';
import { callServer, kindOf, serverContract } from '../contract.ts';
import type { CallHandler, InferenceCall } from '../port.ts';
import { NullServer, parseNullPath } from './index.ts';

const never = new AbortController().signal;
const request = (modelId: string, modelPath: string) => ({ modelId, modelType: 't', modelPath, modelKey: '' });

describe('the null server', () => {
  serverContract(() => {
    const server = new NullServer(systemClock);
    return Promise.resolve({
      server,
      good: (modelId) => request(modelId, 'slow 1'),
      bad: { request: (modelId) => request(modelId, 'fail INVALID_ARGUMENT corrupt'), kind: 'invalid-argument' },
      other: (modelId) => request(modelId, 'elsewhere'),
      [Symbol.asyncDispose]: () => server.close(),
    });
  });

  it('answers every message of every method with the message', async () => {
    const messages = [Buffer.from('one'), Buffer.from(''), Buffer.from('three')];

    const answer = await callServer(new NullServer(systemClock), '/any.Service/Method', messages, { 'null-trailer': 'x' });

    assert.deepEqual(answer, { messages, trailers: ['null-trailer', 'x'], error: undefined, status: undefined });
  });

  it('fails an inference as its header says, with its trailer', async () => {
    const headers = { 'null-fail': 'ABORTED runtime says so', 'null-trailer': 'x' };

    const answer = await callServer(new NullServer(systemClock), '/any.Service/Method', [Buffer.from('one')], headers);

    assert.deepEqual(answer, {
      messages: [],
      trailers: ['null-trailer', 'x'],
      error: undefined,
      status: { code: GRPC_CODE.ABORTED, message: 'runtime says so' },
    });
  });

  it('knows which models are loaded when a call names one', async () => {
    const server = new NullServer(systemClock);
    await server.load(request('m', ''), never);
    const call = (modelId: string) => callServer(server, '/any.Service/Method', [Buffer.from('one')], { 'mm-model-id': modelId });

    assert.equal((await call('m')).messages.length, 1);
    assert.equal((await call('x')).error?.kind, 'model-not-found');
  });

  it('takes its time for the answers of a model whose path says so', async () => {
    const clock = new FakeClock();
    const server = new NullServer(clock);
    await server.load(request('m', 'answer 50; append 21'), never);
    const sent: string[] = [];
    const headers = { get: (name: string) => (name === 'mm-model-id' ? 'm' : undefined) };
    const call: InferenceCall = {
      path: '/any.Service/Method',
      headers,
      send: (message) => sent.push(Buffer.concat(message).toString()),
      finish: () => sent.push('end'),
      fail: (error) => assert.fail(error),
      failWithStatus: (code) => assert.fail(String(code)),
    };
    const ask = (): CallHandler => {
      const handler = server.accept(call);
      for (const text of ['a', 'b']) handler.onMessage([Buffer.from(text)], 1);
      handler.onEnd();
      return handler;
    };
    ask();
    clock.advance(49);
    assert.deepEqual(sent, []);
    clock.advance(1);
    assert.deepEqual(sent, ['a!', 'b!', 'end']);
    ask().onCancel();
    clock.advance(100);
    assert.equal(sent.length, 3, 'nobody waits for it any more');
  });

  it('ends each answer of a loaded model with what its path appends', async () => {
    const server = new NullServer(systemClock);
    await server.load(request('m', 'append 2b4d; size 8192'), never);
    const answer = await callServer(server, '/any.Service/Method', [Buffer.from('one')], { 'mm-model-id': 'm' });
    assert.equal(Buffer.concat(answer.messages).toString(), 'one+M');
    assert.equal(await kindOf(() => parseNullPath('append 2b4')), 'invalid-argument');
  });

  it('reads sizes, delays and failures from paths', async () => {
    assert.deepEqual(parseNullPath('slow 20; size 4096'), {
      fail: undefined,
      slowMs: 20,
      answerMs: 0,
      sizeBytes: 4096,
      suffix: new Uint8Array(),
    });
    assert.deepEqual(parseNullPath('slow').slowMs, 1000);
    assert.deepEqual(parseNullPath('fail RESOURCE_EXHAUSTED no memory').fail, {
      code: GRPC_CODE.RESOURCE_EXHAUSTED,
      message: 'no memory',
    });
    assert.deepEqual(parseNullPath('p').fail, undefined);
    assert.equal(await kindOf(() => parseNullPath('size big')), 'invalid-argument');
    assert.equal(await kindOf(() => parseNullPath('fail NONSENSE x')), 'invalid-argument');
  });
});
