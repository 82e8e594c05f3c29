import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { durationMs, epochMs } from '@modelmesh/core';
import { type CallOptions, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { TestNode } from '../../testing/index.ts';

const METHOD = rawMethod('/any.Service/Method');
const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;
/** So short that a model is an ordinary victim once it served. */
const FIRST_USE_MS = durationMs(1);

/** A conversation that is held open by the test. */
function conversation(node: TestNode, model: string): { say(word: string): Promise<string>; end(): Promise<void> } {
  let give: (words: Uint8Array[] | undefined) => void = () => {};
  async function* words(): AsyncGenerator<Uint8Array[]> {
    for (;;) {
      const next = await new Promise<Uint8Array[] | undefined>((resolve) => (give = resolve));
      if (next === undefined) return;
      yield next;
    }
  }
  const answers = node.client.exchange(METHOD, words(), { headers: ['mm-model-id', model] })[Symbol.asyncIterator]();
  return {
    async say(word) {
      const answer = answers.next();
      await new Promise((resolve) => setImmediate(resolve));
      give([Buffer.from(word)]);
      const { value } = await answer;
      return Buffer.from(value as Uint8Array).toString();
    },
    async end() {
      const last = answers.next();
      await new Promise((resolve) => setImmediate(resolve));
      give(undefined);
      assert.equal((await last).done, true);
    },
  };
}

describe('features that meet on one node', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.start({ runtime: { modelBytes: MIB, capacityBytes: 10 * MIB }, cache: { firstUseMs: FIRST_USE_MS } });
  });
  after(() => node.close());

  const register = (modelId: string, path = 'p') =>
    node.running.control.registerModel(
      { modelId, info: { type: 'onnx', path, encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      NEVER,
    );
  const call = async (model: string, body: string, options: CallOptions = {}): Promise<string> => {
    const headers = ['mm-model-id', model, ...(options.headers ?? [])];
    return Buffer.from(await node.client.call(METHOD, [Buffer.from(body)], { ...options, headers })).toString();
  };
  const codeOf = (promise: Promise<unknown>): Promise<number | string> =>
    promise.then(
      () => 0,
      (error: unknown) => (error instanceof GrpcStatusError ? error.code : String(error)),
    );
  const event = (kind: string, model: string): Promise<void> =>
    new Promise((resolve) => {
      const end = node.running.control.subscribe(null, (seen) => {
        if (seen.kind !== kind || seen.model !== model) return;
        queueMicrotask(() => end());
        resolve();
      });
    });
  const unloadsOf = (model: string): number => node.runtime.unloads.filter((unloaded) => unloaded === model).length;
  const loadsOf = (model: string): number => node.runtime.loads.filter((loaded) => loaded === model).length;

  function nothingIsLeft(): void {
    const { replay, opening, locator, runtime, deadlines } = node.dataPlane.plane;
    assert.deepEqual(
      [replay.used, opening.used, locator.waitingCalls, runtime.waiting, deadlines.count],
      [0, 0, 0, 0, 0],
      'replay, opening, located, runtime, deadlines',
    );
  }

  it('eviction × stream: a conversation goes on while its model makes room, and the model is unloaded only after it', async () => {
    await register('talk');
    const talk = conversation(node, 'talk');
    assert.equal(await talk.say('one'), 'one');
    const evicted = event('model-evicted', 'talk');
    for (let index = 0; index < 12; index++) {
      await register(`push-${index}`);
      await call(`push-${index}`, 'x');
    }
    await evicted;
    assert.equal(await talk.say('two'), 'two');
    assert.equal(unloadsOf('talk'), 0);
    const unloaded = event('model-unloaded', 'talk');
    await talk.end();
    await unloaded;
    assert.equal(unloadsOf('talk'), 1);
    assert.equal(await call('talk', 'again'), 'again');
    nothingIsLeft();
  });

  it('unregistering × stream: a conversation ends in peace, and new calls find no model', async () => {
    await register('leaving');
    const talk = conversation(node, 'leaving');
    await talk.say('one');
    const unloaded = event('model-unloaded', 'leaving');
    await node.running.control.unregisterModel('leaving');
    assert.equal(await codeOf(call('leaving', 'x')), 5);
    assert.equal(await talk.say('two'), 'two');
    await talk.end();
    await unloaded;
    nothingIsLeft();
  });

  it('repository unload × calls: none fails while copies are dropped again and again', async () => {
    await register('dropped');
    await call('dropped', '');
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 10 }, (_, index) => call('dropped', `${round}-${index}`));
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
      await node.running.control.unloadCopies('dropped');
      assert.deepEqual(
        await Promise.all(calls),
        Array.from({ length: 10 }, (_, index) => `${round}-${index}`),
      );
    }
    nothingIsLeft();
  });

  it('failing traffic × bounds: nothing grows, whatever fails', async () => {
    await register('fails', 'fail INVALID_ARGUMENT corrupt');
    await register('works');
    await call('works', '');
    for (let round = 0; round < 10; round++) {
      const calls: Promise<number | string>[] = [];
      for (let index = 0; index < 20; index++) {
        calls.push(codeOf(call('nobody', 'x')), codeOf(call('fails', 'x')), codeOf(node.client.call(METHOD, [], {})));
        calls.push(codeOf(call('works', 'x', { headers: ['null-fail', 'UNAVAILABLE no'] })));
        calls.push(codeOf(call('works', 'x', { headers: ['null-fail', 'RESOURCE_EXHAUSTED no'] })));
        calls.push(codeOf(call('works', 'x', { signal: AbortSignal.abort() })));
      }
      const codes = new Set(await Promise.all(calls));
      assert.ok(!codes.has(0));
    }
    assert.equal(loadsOf('fails'), 1);
    nothingIsLeft();
  });

  it('runtime lost × calls: those that come while it is away are answered by its next life, which loads the model once', async () => {
    await register('survivor');
    await call('survivor', '');
    const before = loadsOf('survivor');
    await node.runtime.kill();
    const calls = Array.from({ length: 50 }, (_, index) => call('survivor', `${index}`));
    await new Promise((resolve) => setImmediate(resolve));
    await node.runtime.listen();
    assert.deepEqual(
      await Promise.all(calls),
      Array.from({ length: 50 }, (_, index) => `${index}`),
    );
    assert.equal(loadsOf('survivor'), before + 1);
    nothingIsLeft();
  });

  it('runtime lost × load: the load starts again in its next life, and nobody hears of a failure', async () => {
    await register('interrupted', 'slow 100');
    const answer = call('interrupted', 'there');
    while (loadsOf('interrupted') === 0) await new Promise((resolve) => setImmediate(resolve));
    await node.runtime.kill();
    await node.runtime.listen();
    assert.equal(await answer, 'there');
    assert.equal(loadsOf('interrupted'), 2);
    assert.equal(node.running.control.model('interrupted')?.record.failures.size, 0);
    nothingIsLeft();
  });

  it('runtime lost × stream: a conversation that was under way ends with UNAVAILABLE that says why it is not repeated', async () => {
    await register('broken');
    const talk = conversation(node, 'broken');
    await talk.say('one');
    await node.runtime.kill();
    const outcome = await talk.say('two').then(
      () => 'answered',
      (error: unknown) => error,
    );
    await node.runtime.listen();
    assert.ok(outcome instanceof GrpcStatusError, String(outcome));
    assert.equal(outcome.code, 14);
    assert.match(outcome.message, /not repeated/);
  });
});
