import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ModelKey, modelKey } from '@modelmesh/core';
import type { InferRequest, ModelMetadata } from '@modelmesh/wire/oip';
import { GRPC_CODE } from '@modelmesh/wire/status';
import type { Located } from '../../link/index.ts';
import type { Failure } from './failure.ts';
import { MetadataBook, type MetadataWaiter } from './model-metadata.ts';
import { echo, errorOf, overBoth, RestRig } from './testing/index.ts';

const MIB = 1024 * 1024;
const ECHO = { inputs: [], infer: echo } as const;
const small = { inputs: [{ name: 'x', datatype: 'INT8', shape: [1], data: [1] }] };

/** A request of one UINT8 tensor in binary form. */
function tensorRequest(size: number): { body: Buffer; headers: Record<string, string> } {
  const parameters = { binary_data_size: size };
  const json = Buffer.from(JSON.stringify({ inputs: [{ name: 'x', datatype: 'UINT8', shape: [size], parameters }] }));
  return {
    body: Buffer.concat([json, Buffer.alloc(size)]),
    headers: { 'inference-header-content-length': String(json.length) },
  };
}

/** Loads that the test lets through. */
class Gate {
  readonly asked: { readonly model: ModelKey; readonly load: () => Located }[] = [];
  onAsked: () => void = () => undefined;
  readonly locate = (model: ModelKey, load: () => Located): void => {
    this.asked.push({ model, load });
    this.onAsked();
  };

  /** Resolves once `count` questions have come. */
  async reached(count: number): Promise<void> {
    while (this.asked.length < count)
      await new Promise<void>((resolve) => {
        this.onAsked = resolve;
      });
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const gate = new Gate();

overBoth(
  'a cold model',
  { locate: gate.locate, waitingCallsPerModelMax: 8 },
  async (rig) => {
    gate.asked.length = 0;
    await rig.model('warm', { behaviour: ECHO });
    for (const name of ['big', 'small', 'failing', 'slow', 'left', 'crowded'])
      await rig.model(name, { cold: true, behaviour: ECHO });
  },
  (on) => {
    const open = (model: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
      on.rig.client.start(on.version, { method: 'POST', path: `/v2/models/${model}/infer`, headers, body });
    const last = () => {
      const question = gate.asked.at(-1);
      assert.ok(question !== undefined);
      return question;
    };

    it('leaves a large body with the client until the model is there', async () => {
      const { body, headers } = tensorRequest(4 * MIB);
      const readBefore = on.rig.servers.bytesRead;
      const questions = gate.asked.length;
      const { answer } = open('big', body, headers);
      await gate.reached(questions + 1);
      await turns(200);
      assert.ok(on.rig.servers.bytesRead - readBefore < 512 * 1024, `read ${on.rig.servers.bytesRead - readBefore}`);
      assert.equal(on.rig.bodies.used, 0);
      const warm = await on.post('/v2/models/warm/infer', small);
      assert.equal(warm.status, 200);
      on.rig.answerLocate(last().model, last().load());
      assert.equal((await answer).status, 200);
      assert.equal(gate.asked.length, questions + 1);
    });

    it('reads a small body meanwhile', async () => {
      const questions = gate.asked.length;
      const { answer } = open('small', JSON.stringify(small));
      await gate.reached(questions + 1);
      on.rig.answerLocate(last().model, last().load());
      assert.equal((await answer).status, 200);
    });

    it('says why it could not be loaded, whatever the size of the body', async () => {
      const { body, headers } = tensorRequest(MIB);
      for (const [sent, extra] of [
        [JSON.stringify(small), {}],
        [body, headers],
      ] as const) {
        const questions = gate.asked.length;
        const answer = on.rig.client.ask(on.version, {
          method: 'POST',
          path: '/v2/models/failing/infer',
          body: sent,
          headers: extra,
        });
        await gate.reached(questions + 1);
        const error = { kind: 'load-failed', message: 'the file is corrupt', retryAfterMs: null } as const;
        on.rig.answerLocate(last().model, { kind: 'failed', where: 'nowhere', error });
        assert.equal(errorOf(await answer, 503), 'the file is corrupt');
      }
    });

    it('is waited for until the deadline, and the wait can be given up', async () => {
      const { body, headers } = tensorRequest(MIB);
      const answer = await on.post('/v2/models/slow/infer', body, { ...headers, 'mm-timeout-ms': '30' });
      assert.match(errorOf(answer, 504), /while the model was being loaded/);
      assert.equal(on.rig.dataPlane.plane.locator.waitingCalls, 0);
      const questions = gate.asked.length;
      const call = open('left', JSON.stringify(small));
      call.answer.catch(() => undefined);
      await gate.reached(questions + 1);
      call.abort();
      while (on.rig.dataPlane.plane.locator.waitingCalls > 0) await turns(1);
      assert.equal(on.rig.calls.at(-1)?.code, GRPC_CODE.CANCELLED);
    });

    it('is waited for by a bounded number of calls; the others are told when to come back', async () => {
      const { body, headers } = tensorRequest(100_000);
      const calls = Array.from({ length: 9 }, () =>
        on.rig.client.ask(on.version, { method: 'POST', path: '/v2/models/crowded/infer', body, headers }),
      );
      const refused = await Promise.race(calls);
      assert.match(errorOf(refused, 429), /8 calls wait already for model crowded/);
      assert.equal(refused.headers['retry-after'], '1');
      on.rig.answerLocate(last().model, last().load());
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      assert.deepEqual(statuses.toSorted(), [...Array(8).fill(200), 429]);
    });
  },
);

const busy = { release: Promise.withResolvers<void>() };

overBoth(
  'a runtime that takes few calls at a time',
  { runtimeStreamsMax: 1, runtimeQueueMax: 2 },
  async (rig) => {
    busy.release = Promise.withResolvers();
    const infer = (request: InferRequest) => busy.release.promise.then(() => echo(request));
    await rig.model('busy', { behaviour: { inputs: [], infer } });
  },
  (on) => {
    it('has a bounded number of calls wait for it; the next one is told which setting that is and when to come back', async () => {
      const calls = Array.from({ length: 4 }, () => on.post('/v2/models/busy/infer', small));
      const refused = await Promise.race(calls);
      assert.equal(
        errorOf(refused, 429),
        '2 calls wait already until the runtime takes more (limits.runtimeQueueMax); try again later',
      );
      assert.equal(refused.headers['retry-after'], '1');
      busy.release.resolve();
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      assert.deepEqual(statuses.toSorted(), [200, 200, 200, 429]);
    });
  },
);

/** A waiter that tells. */
class Waiter implements MetadataWaiter {
  readonly told = Promise.withResolvers<ModelMetadata | Failure>();
  onMetadata(metadata: ModelMetadata): void {
    this.told.resolve(metadata);
  }
  onMetadataFailed(failure: Failure): void {
    this.told.resolve(failure);
  }
}

overBoth(
  'an answer that the client does not take',
  {},
  (rig) => rig.model('warm', { behaviour: ECHO }),
  (on) => {
    it('is booked until it is taken, or the client has gone', async () => {
      const { body, headers } = tensorRequest(8 * MIB);
      const plain = Buffer.from(body.subarray(0, Number(headers['inference-header-content-length'])).toString().slice(0, -1));
      const json = Buffer.concat([plain, Buffer.from(',"parameters":{"binary_data_output":true}}')]);
      const request = {
        method: 'POST',
        path: '/v2/models/warm/infer',
        headers: { 'inference-header-content-length': String(json.length) },
        body: Buffer.concat([json, Buffer.alloc(8 * MIB)]),
      };
      const taken = await on.rig.client.open(on.version, request);
      await turns(100);
      assert.ok(on.rig.bodies.used > 8 * MIB, `booked ${on.rig.bodies.used}`);
      let received = 0;
      for await (const bytes of taken.chunks) received += bytes.length;
      assert.ok(received > 8 * MIB);
      await on.rig.released();
      const left = await on.rig.client.open(on.version, request);
      assert.ok(on.rig.bodies.used > 8 * MIB);
      left.abort();
      await on.rig.released();
    });
  },
);

describe('metadata of models', () => {
  const input = { name: 'x', datatype: 'FP32', shape: [1] };
  const ask = (book: MetadataBook, model: string): Promise<ModelMetadata | Failure> => {
    const waiter = new Waiter();
    book.wait(modelKey(model), waiter);
    return waiter.told.promise;
  };

  it('is kept for as many models as the limit says, those that were used last', async () => {
    const rig = await RestRig.start();
    const book = new MetadataBook(rig.deps, { entriesMax: 2, entryBytesMax: 100, waitersMax: 10 });
    for (const name of ['a', 'b', 'c']) await rig.model(name, { behaviour: { platform: 't_t', inputs: [input] } });
    const many = Array.from({ length: 10 }, (_, index) => ({ ...input, name: `x${index}` }));
    await rig.model('long', { behaviour: { platform: 't_t', inputs: many } });
    await ask(book, 'a');
    await ask(book, 'b');
    assert.ok(book.known(modelKey('a')) !== undefined);
    await ask(book, 'c');
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => book.known(modelKey(name)) !== undefined),
      [true, false, true],
    );
    await ask(book, 'long');
    assert.equal(book.known(modelKey('long')), undefined);
    assert.equal(book.entries, 2);
    await rig.close();
  });

  it('is waited for by a bounded number of calls', async () => {
    const rig = await RestRig.start({ locate: () => undefined });
    await rig.model('cold', { cold: true, behaviour: { platform: 't_t', inputs: [] } });
    const book = new MetadataBook(rig.deps, { entriesMax: 2, entryBytesMax: 100, waitersMax: 3 });
    const waiters = Array.from({ length: 3 }, () => new Waiter());
    for (const waiter of waiters) book.wait(modelKey('cold'), waiter);
    assert.throws(
      () => book.wait(modelKey('cold'), new Waiter()),
      (error: { kind?: string }) => error.kind === 'overloaded',
    );
    assert.equal(book.waiting, 3);
    for (const waiter of waiters) book.leave(modelKey('cold'), waiter);
    assert.equal(book.waiting, 0);
    const error = { kind: 'unavailable', message: 'the node is shutting down', retryAfterMs: null } as const;
    rig.answerLocate(modelKey('cold'), { kind: 'failed', where: 'nowhere', error });
    await rig.settled();
    await rig.close();
  });

  it('is asked for no longer once the last who waited has left, and anew for the next', async () => {
    const rig = await RestRig.start();
    const gate = Promise.withResolvers<void>();
    await rig.model('a', { behaviour: { platform: 't_t', inputs: [], holdsMetadata: gate.promise } });
    const book = new MetadataBook(rig.deps);
    const [one, two] = [new Waiter(), new Waiter()];
    for (const waiter of [one, two]) book.wait(modelKey('a'), waiter);
    while (rig.runtime.seen.length === 0) await rig.settled();
    const signal = rig.runtime.seen[0]?.signal;
    assert.ok(signal !== undefined);
    const withdrawn = new Promise((resolve) => signal.addEventListener('abort', resolve));
    book.leave(modelKey('a'), one);
    await turns(20);
    assert.equal(signal.aborted, false, 'somebody waits still');
    book.leave(modelKey('a'), two);
    await withdrawn;
    assert.equal(book.waiting, 0);
    const next = ask(book, 'a');
    gate.resolve();
    assert.ok('platform' in (await next));
    assert.deepEqual([rig.runtime.seen.length, book.waiting], [2, 0]);
    await rig.close();
  });

  it('is not asked for once the model is there if nobody waits any more, and the load goes on', async () => {
    const rig = await RestRig.start({ locate: () => undefined });
    await rig.model('cold', { cold: true, behaviour: { platform: 't_t', inputs: [] } });
    const book = new MetadataBook(rig.deps);
    const waiter = new Waiter();
    book.wait(modelKey('cold'), waiter);
    book.leave(modelKey('cold'), waiter);
    assert.equal(rig.dataPlane.plane.locator.waitingCalls, 0);
    rig.answerLocate(modelKey('cold'), rig.load(modelKey('cold')));
    await turns(20);
    assert.deepEqual(rig.runtime.seen, []);
    assert.ok('platform' in (await ask(book, 'cold')));
    await rig.close();
  });

  it('fails for all who wait when the runtime breaks its word', async () => {
    const rig = await RestRig.start();
    await rig.model('a', { behaviour: { inputs: [] } });
    const book = new MetadataBook(rig.deps);
    const [one, two] = await Promise.all([ask(book, 'a'), ask(book, 'a')]);
    assert.ok('grpc' in one && one.grpc === GRPC_CODE.UNIMPLEMENTED);
    assert.equal(one, two);
    assert.equal(book.waiting, 0);
    await rig.close();
  });
});
