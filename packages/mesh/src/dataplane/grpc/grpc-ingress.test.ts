import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { durationMs, epochMs } from '@modelmesh/core';
import { type CallOptions, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { TestNode } from '../../testing/index.ts';
import { patterned } from '../call/testing/index.ts';
import type { CallFacts } from '../index.ts';

const METHOD = rawMethod('/any.Service/Method');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('a gRPC call for a model', () => {
  let node: TestNode;
  const calls: CallFacts[] = [];
  before(async () => {
    node = await TestNode.start({ metrics: { call: (facts) => calls.push(facts) } });
  });
  after(() => node.close());

  const register = (modelId: string, path = 'p') =>
    node.running.control.registerModel(
      { modelId, info: { type: 'onnx', path, encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      new AbortController().signal,
    );
  const call = (model: string, body: string | Uint8Array, options: CallOptions = {}): Promise<Uint8Array> =>
    node.client.call(METHOD, [typeof body === 'string' ? Buffer.from(body) : body], {
      ...options,
      headers: ['mm-model-id', model, ...(options.headers ?? [])],
    });
  const failure = async (promise: Promise<unknown>): Promise<GrpcStatusError> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof GrpcStatusError, `expected a status, got ${error}`);
    return error;
  };

  it('loads the model and brings the answer back', async () => {
    await register('a');
    assert.equal(text(await call('a', 'hello')), 'hello');
    assert.deepEqual(node.runtime.loads, ['a']);
  });

  it('finds a loaded model without asking anyone', async () => {
    await call('a', 'again');
    assert.deepEqual(node.runtime.loads, ['a']);
  });

  it('makes one load of many calls at once', async () => {
    await register('burst', 'slow 50');
    const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => call('burst', `call ${index}`)));
    assert.deepEqual(
      answers.map(text),
      Array.from({ length: 200 }, (_, index) => `call ${index}`),
    );
    assert.equal(node.runtime.loads.filter((model) => model === 'burst').length, 1);
  });

  it('says that a model is unknown', async () => {
    const { code, message } = await failure(call('nobody', ''));
    assert.deepEqual([code, message], [5, 'model not found']);
  });

  it('asks for an id when there is none', async () => {
    const { code, message } = await failure(node.client.call(METHOD, [], {}));
    assert.deepEqual([code, message], [3, 'must include mm-model-id header']);
  });

  it('gives the status and the trailers of the runtime back as they are', async () => {
    let trailers: HeaderBlock | undefined;
    const { code, message } = await failure(
      call('a', 'x', {
        headers: ['null-fail', 'INVALID_ARGUMENT runtime says so', 'null-trailer', 'x'],
        onTrailers: (block) => {
          trailers = block;
        },
      }),
    );
    assert.deepEqual([code, message], [3, 'runtime says so']);
    assert.equal(trailers?.get('null-trailer'), 'x');
  });

  it('gives binary trailers back to the byte, the details of a status among them, whether the call failed or not', async () => {
    // As runtimes write them: with padding and without, and one that is no base64 at all, which is not ours to judge.
    const written = ['AQIDBA==', 'CAUSBG5laW4', '+/8', 'not base64!'];
    for (const details of written) {
      const options = {
        headers: ['null-details-bin', details],
        onTrailers: (block: HeaderBlock) => trailers.push(block.get('grpc-status-details-bin')),
      };
      const trailers: (string | undefined)[] = [];
      await call('a', 'x', options);
      await failure(call('a', 'x', { ...options, headers: [...options.headers, 'null-fail', 'INVALID_ARGUMENT no'] }));
      assert.deepEqual(trailers, [details, details]);
    }
    const error = await failure(call('a', 'x', { headers: ['null-details-bin', 'CAUSBG5laW4', 'null-fail', 'ABORTED no'] }));
    assert.deepEqual(Buffer.from(error.details ?? []), Buffer.from([8, 5, 18, 4, ...Buffer.from('nein')]));
  });

  it('refuses an encoding that it cannot read with UNIMPLEMENTED and those that it can, before anything reaches the runtime', async () => {
    node.runtime.seen.length = 0;
    const before = calls.length;
    const session = connect(`http://127.0.0.1:${node.port}`);
    const asked = session.request({
      ':method': 'POST',
      ':path': METHOD.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'mm-model-id': 'a',
      'grpc-encoding': 'snappy',
    });
    asked.end(Buffer.from([1, 0, 0, 0, 1, 120]));
    const [headers] = await once(asked, 'response');
    session.close();
    assert.deepEqual([headers[':status'], headers['grpc-status']], [200, '12']);
    assert.equal(headers['grpc-accept-encoding'], 'identity,gzip,deflate');
    assert.match(decodeURIComponent(headers['grpc-message']), /grpc-encoding "snappy" is not supported.*identity,gzip,deflate/);
    assert.equal(node.runtime.seen.length, 0);
    assert.deepEqual(
      calls.slice(before).map(({ code }) => code),
      [12],
    );
  });

  it('tells a failed load with the words of the runtime, at once and again', async () => {
    await register('bad', 'fail INVALID_ARGUMENT corrupt model');
    for (let round = 0; round < 2; round++) {
      const { code, message } = await failure(call('bad', ''));
      assert.deepEqual([code, message], [13, 'INVALID_ARGUMENT: corrupt model']);
    }
    assert.equal(node.runtime.loads.filter((model) => model === 'bad').length, 1);
  });

  it('keeps metadata of the caller and hides its own', async () => {
    node.runtime.seen.length = 0;
    await call('a', '', {
      headers: ['x-request-id', 'r-1', 'traceparent', '00-01-02-01', 'mesh-secret', 'y', 'mm-balanced', 'true'],
    });
    const [seen] = node.runtime.seen;
    assert.deepEqual(
      ['x-request-id', 'traceparent', 'mesh-secret', 'mm-balanced', 'mm-model-id'].map((name) => seen?.get(name)),
      ['r-1', '00-01-02-01', undefined, undefined, 'a'],
    );
  });

  it('carries a message larger than every window', async () => {
    const large = patterned(5 * 1024 * 1024);
    // What is sent is given away.
    assert.equal(Buffer.compare(await call('a', Buffer.from(large)), large), 0);
  });

  it('refuses a message above the limit and names the limit', async () => {
    const { code, message } = await failure(call('a', new Uint8Array(17 * 1024 * 1024)));
    assert.equal(code, 8);
    assert.match(message, /17825792 bytes .* 16777216/);
  });

  it('carries a conversation both ways', async () => {
    async function* words(): AsyncGenerator<Uint8Array[]> {
      for (const word of ['one', 'two', 'three']) yield [Buffer.from(word)];
    }
    const heard: string[] = [];
    for await (const answer of node.client.exchange(METHOD, words(), { headers: ['mm-model-id', 'a'] })) heard.push(text(answer));
    assert.deepEqual(heard, ['one', 'two', 'three']);
  });

  it('ends at the deadline while the model loads, and the load goes on', async () => {
    await register('late', 'slow 150');
    await assert.rejects(call('late', '', { timeoutMs: durationMs(30) }), { kind: 'deadline-exceeded' });
    assert.equal(text(await call('late', 'there')), 'there');
    assert.equal(node.runtime.loads.filter((model) => model === 'late').length, 1);
  });

  it('loads a model again that the runtime has lost, within the same call', async () => {
    await register('lost');
    await call('lost', '');
    node.runtime.loaded.delete('lost');
    assert.equal(text(await call('lost', 'back')), 'back');
    assert.equal(node.runtime.loads.filter((model) => model === 'lost').length, 2);
  });

  it('gives up on a runtime that goes on saying NOT_FOUND and says what was tried', async () => {
    await register('gone');
    const { code, message } = await failure(call('gone', '', { headers: ['null-fail', 'NOT_FOUND not here'] }));
    assert.equal(code, 5);
    assert.match(message, /not here \(3 attempts.*reloading it did not help/);
  });

  it('does not repeat what the caller forbids to repeat', async () => {
    await register('once');
    await call('once', '');
    node.runtime.loaded.delete('once');
    const { code } = await failure(call('once', '', { headers: ['mm-retry', 'never'] }));
    assert.equal(code, 5);
  });

  it('accounts for every call with its code', () => {
    const codes = new Set(calls.map(({ code }) => code));
    for (const code of [0, 3, 5, 8, 13]) assert.ok(codes.has(code), `no call with code ${code}`);
    assert.ok(codes.has(4) || codes.has(1), 'whose timer is first, the node or the client that then cancels, is open');
    assert.equal(node.running.control.model('a')?.status.status, 'LOADED');
  });
});
