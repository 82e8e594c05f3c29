import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { durationMs, epochMs } from '@modelmesh/core';
import { type CallOptions, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { TestNode } from '../../testing/index.ts';
import { patterned } from '../call/testing/index.ts';

const METHOD = rawMethod('/any.Service/Method');
const STREAMS_MAX = 2;
const QUEUE_MAX = 3;

/** A call that occupies a stream of the runtime until it is let go. */
interface Occupant {
  end(): Promise<void>;
}

describe('a runtime that takes few streams at a time', () => {
  let node: TestNode;
  let finished: number;
  beforeEach(async () => {
    finished = 0;
    node = await TestNode.start({
      runtime: { streamsMax: STREAMS_MAX },
      runtimeQueueMax: QUEUE_MAX,
      metrics: { call: () => (finished += 1) },
    });
    await register('m');
  });
  afterEach(() => node.close());

  const register = (modelId: string) =>
    node.running.control.registerModel(
      { modelId, info: { type: 'onnx', path: 'p', encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      new AbortController().signal,
    );
  const call = async (body: string | Uint8Array, options: CallOptions = {}, model = 'm'): Promise<string> => {
    const headers = ['mm-model-id', model, ...(options.headers ?? [])];
    const message = typeof body === 'string' ? Buffer.from(body) : body;
    return Buffer.from(await node.client.call(METHOD, [message], { ...options, headers })).toString('latin1');
  };
  const refusal = async (promise: Promise<unknown>): Promise<GrpcStatusError> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof GrpcStatusError, `expected a status, got ${error}`);
    return error;
  };
  /** Occupies every stream that the runtime takes. */
  const occupy = (): Promise<Occupant[]> => Promise.all(Array.from({ length: STREAMS_MAX }, () => occupant(node)));
  /** Fills the queue; a call beyond it comes later on the same connection, so that its refusal says that these are there. */
  const fill = (ids: readonly string[], options: CallOptions = {}): Promise<string>[] =>
    ids.map((id) => call(id, { ...options, headers: ['x-request-id', id] }));
  const isFull = async (): Promise<GrpcStatusError> => await refusal(call('beyond'));
  const seen = (): (string | undefined)[] => node.runtime.seen.map((headers) => headers.get('x-request-id'));

  it('gets the calls beyond them as streams come free, in the order in which they came', async () => {
    const occupants = await occupy();
    const waiting = fill(['a', 'b', 'c']);
    await isFull();
    assert.deepEqual(seen(), [undefined, undefined], 'none of them has reached the runtime');
    await occupants[0]?.end();
    assert.deepEqual(await Promise.all(waiting), ['a', 'b', 'c']);
    assert.deepEqual(seen(), [undefined, undefined, 'a', 'b', 'c']);
    await occupants[1]?.end();
  });

  it('never has more calls than it takes, however many come, and all of them are answered', async () => {
    const answers: string[] = [];
    for (let round = 0; round < 20; round++) {
      const calls = Array.from({ length: STREAMS_MAX + QUEUE_MAX }, (_, index) => call(`${round}-${index}`));
      answers.push(...(await Promise.all(calls)));
    }
    assert.equal(new Set(answers).size, 20 * (STREAMS_MAX + QUEUE_MAX));
  });

  it('costs those beyond the queue a RESOURCE_EXHAUSTED at once that names the setting and when to try again', async () => {
    const occupants = await occupy();
    const waiting = fill(['a', 'b', 'c']);
    const { code, message } = await isFull();
    assert.equal(code, 8);
    assert.equal(message, '3 calls wait already until the runtime takes more (limits.runtimeQueueMax); try again later');
    for (const occupant of occupants) await occupant.end();
    await Promise.all(waiting);
    assert.equal(await call('after'), 'after');
  });

  it('is not in the way of a deadline, nor of a caller that leaves, whose places are free again', async () => {
    const occupants = await occupy();
    const leaving = new AbortController();
    const [hurried] = fill(['hurried'], { timeoutMs: durationMs(40) });
    const given = fill(['gone-1', 'gone-2'], { signal: leaving.signal });
    await isFull();
    await assert.rejects(hurried ?? Promise.resolve(), { kind: 'deadline-exceeded' });
    leaving.abort();
    for (const gone of given) await assert.rejects(gone, { kind: 'cancelled' });
    // A reset may reach the node after a call that begins later.
    while (finished < 4) await new Promise((resolve) => setImmediate(resolve));
    const waiting = fill(['a', 'b', 'c']);
    await isFull();
    for (const occupant of occupants) await occupant.end();
    assert.deepEqual(await Promise.all(waiting), ['a', 'b', 'c']);
    assert.deepEqual(seen().slice(STREAMS_MAX), ['a', 'b', 'c'], 'those that left never reach the runtime');
  });

  it('keeps a waiting request that is larger than every window whole', async () => {
    const occupants = await occupy();
    const large = patterned(3 * 1024 * 1024);
    const waiting = call(Buffer.from(large));
    fill(['b', 'c']).forEach((answer) => void answer.catch(() => undefined));
    await isFull();
    for (const occupant of occupants) await occupant.end();
    assert.equal(Buffer.compare(Buffer.from(await waiting, 'latin1'), large), 0);
  });

  it('loads and unloads models all the same: they do not stand behind the calls', async () => {
    for (const model of ['cold', 'idle']) await register(model);
    await call('', {}, 'idle');
    const occupants = await occupy();
    const waiting = call('x', {}, 'cold');
    await node.running.control.unregisterModel('idle');
    while (!node.runtime.loaded.has('cold') || node.runtime.loaded.has('idle'))
      await new Promise((resolve) => setImmediate(resolve));
    for (const occupant of occupants) await occupant.end();
    assert.equal(await waiting, 'x');
  });
});

/** Holds one stream of the runtime: resolves when it has answered, so that it is there. */
async function occupant(node: TestNode): Promise<Occupant> {
  const last = Promise.withResolvers<void>();
  async function* words(): AsyncGenerator<Uint8Array[]> {
    yield [Buffer.from('here')];
    await last.promise;
  }
  const answers = node.client.exchange(METHOD, words(), { headers: ['mm-model-id', 'm'] });
  assert.equal((await answers.next()).done, false);
  return {
    async end() {
      last.resolve();
      assert.equal((await answers.next()).done, true);
    },
  };
}
