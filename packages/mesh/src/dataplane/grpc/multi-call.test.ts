import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { FakeStream } from '../call/testing/index.ts';
import { CallRig, type CallRigOptions, type ClientSide, framed, patterned } from '../call/testing/index.ts';
import { MERGED_FIELDS_BYTES_MAX } from './merge-answers.ts';

const ids = (...models: readonly string[]): string[] => models.flatMap((model) => ['mm-model-id', model]);
const HEADERS = [':status', '200', 'content-type', 'application/grpc'];

/** A rig with these models, each served from a slot. */
async function serving(models: readonly string[], options: CallRigOptions = {}): Promise<CallRig> {
  const rig = await CallRig.ready(options);
  for (const model of models) await rig.route(model, rig.openSlot());
  return rig;
}

/** The stream to the runtime that carries the call of one model. */
function streamOf(rig: CallRig, model: string): FakeStream {
  const stream = rig.streams.find(({ headers }) => headers.get('mm-model-id') === model);
  assert.ok(stream !== undefined, `${model} was not asked`);
  return stream;
}

const asked = (rig: CallRig): readonly (string | undefined)[] => rig.streams.map(({ headers }) => headers.get('mm-model-id'));

function nothingIsLeft(rig: CallRig): void {
  const { plane } = rig.dataPlane;
  assert.deepEqual(
    [plane.opening.used, plane.replay.used, plane.locator.waitingCalls, rig.timers.count],
    [0, 0, 0, 0],
    'held for openings, held for replay, waiting, deadlines',
  );
}

const refusal = (client: ClientSide): readonly unknown[] => client.status ?? ['no answer yet'];

describe('§2.4 a call for several models', () => {
  it('sends the same message to each and puts the answers together in the order of the headers, however they come', async () => {
    const rig = await serving(['a', 'b', 'c']);
    const client = rig.client(ids('a', 'b', 'c'));
    client.push(framed('question').subarray(0, 4), false);
    client.push(framed('question').subarray(4), true);
    assert.deepEqual(asked(rig), ['a', 'b', 'c']);
    for (const stream of rig.streams) assert.deepEqual([stream.body, stream.sentEnd], [framed('question'), true]);
    for (const model of ['c', 'a', 'b']) streamOf(rig, model).answers(framed(`answer of ${model};`));
    assert.deepEqual(client.stream.body, framed('answer of a;answer of b;answer of c;'));
    assert.deepEqual(client.status, [0, '']);
    assert.equal(client.stream.consumed, framed('question').length, 'the credit of every byte comes back once');
    nothingIsLeft(rig);
  });

  it('is asked for by repeated vmodel ids too, and by several ids in one binary header', async () => {
    const rig = await serving(['a', 'b']);
    const client = rig.client(['mm-model-id-bin', 'YQ,Yg']);
    client.push(framed('q'), true);
    assert.deepEqual(asked(rig), ['a', 'b']);
    const legacy = rig.client(['tas-model-id', 'b', 'tas-model-id', 'a']);
    legacy.push(framed('q'), true);
    assert.deepEqual(asked(rig), ['a', 'b', 'b', 'a']);
    const unknown = rig.client(['mm-vmodel-id', 'v', 'mm-vmodel-id', 'w']);
    assert.deepEqual(unknown.status, [5, 'none of the requested models were found']);
  });

  it('law: whatever the answers and the order they come in, they stand in the order of the headers, and nothing stays held', async () => {
    const parts = fc.array(fc.record({ answer: fc.uint8Array({ maxLength: 40 }), turn: fc.nat(1000) }), {
      minLength: 2,
      maxLength: 12,
    });
    const law = fc.asyncProperty(parts, fc.integer({ min: 1, max: 5 }), async (wanted, multiParallelism) => {
      const models = wanted.map((_, at) => `m${at}`);
      const rig = await serving(models, { limits: { multiParallelism } });
      const client = rig.client(ids(...models));
      client.push(framed('q'), true);
      const answered = new Set<FakeStream>();
      while (answered.size < wanted.length) {
        const open = rig.streams.filter((stream) => !answered.has(stream));
        assert.ok(open.length > 0 && open.length <= multiParallelism, `${open.length} under way at once`);
        const turn = wanted[answered.size]?.turn ?? 0;
        const next = open[turn % open.length];
        assert.ok(next !== undefined);
        answered.add(next);
        const at = models.indexOf(next.headers.get('mm-model-id') ?? '');
        next.answers(framed(wanted[at]?.answer ?? new Uint8Array(0)));
      }
      assert.deepEqual(client.stream.body, framed(Buffer.concat(wanted.map(({ answer }) => answer))));
      assert.deepEqual(client.status, [0, '']);
      nothingIsLeft(rig);
    });
    await fc.assert(law, { numRuns: 60 });
  });

  it('asks at most MM_MULTI_PARALLELISM models at the same time', async () => {
    const models = ['a', 'b', 'c', 'd', 'e', 'f'];
    const rig = await serving(models);
    const client = rig.client(ids(...models));
    client.push(framed('q'), true);
    assert.deepEqual(asked(rig), ['a', 'b', 'c', 'd']);
    streamOf(rig, 'b').answers(framed('b'));
    assert.deepEqual(asked(rig), ['a', 'b', 'c', 'd', 'e']);
    for (const model of ['a', 'c', 'd', 'e', 'f']) streamOf(rig, model).answers(framed(model));
    assert.deepEqual(client.stream.body, framed('abcdef'));
  });

  it('leaves out models that do not exist, whether the headers, control or the runtime says so', async () => {
    const rig = await serving(['a', 'd']);
    await rig.route('cold', null);
    const client = rig.client(ids('nobody', 'a', 'cold', 'd'));
    client.push(framed('q'), true);
    await rig.settle();
    await rig.located('cold', {
      kind: 'failed',
      where: 'nowhere',
      error: { kind: 'model-not-found', message: 'model not found', retryAfterMs: null },
    });
    streamOf(rig, 'a').answers(framed('A'));
    streamOf(rig, 'd').answers(framed('D'));
    assert.deepEqual([client.stream.body, client.status], [framed('AD'), [0, '']]);
    nothingIsLeft(rig);
  });

  it('fails when none exists, and with mm-required: all when one does not', async () => {
    const rig = await serving(['a', 'b']);
    assert.deepEqual(refusal(rig.client(ids('x', 'y'))), [5, 'none of the requested models were found']);
    assert.deepEqual(refusal(rig.client([...ids('a', 'x'), 'mm-required', 'all'])), [5, 'model not found']);
    assert.deepEqual(refusal(rig.client([...ids('a', 'x'), 'mm-required', 'ALL'])), [5, 'model not found']);
    await rig.route('cold', null);
    const client = rig.client([...ids('a', 'cold'), 'mm-required', 'all']);
    client.push(framed('q'), true);
    const error = { kind: 'model-not-found', message: 'model not found', retryAfterMs: null } as const;
    await rig.settle();
    await rig.located('cold', { kind: 'failed', where: 'nowhere', error });
    assert.deepEqual(client.status, [5, 'model not found']);
    assert.deepEqual(streamOf(rig, 'a').resets, [8], 'nobody wants the other answer any more');
    nothingIsLeft(rig);
  });

  it('fails whole with any other error of one model, in the words of the runtime, and cancels the rest', async () => {
    const rig = await serving(['a', 'b', 'c'], { limits: { multiParallelism: 2 } });
    const client = rig.client(ids('a', 'b', 'c'));
    client.push(framed('q'), true);
    streamOf(rig, 'b').refuses(3, 'no such tensor', 'x-why', 'shape');
    assert.deepEqual(client.status, [3, 'no such tensor']);
    assert.equal((client.stream.sentTrailers ?? client.stream.sentHeaders)?.get('x-why'), 'shape');
    assert.deepEqual([streamOf(rig, 'a').resets, asked(rig)], [[8], ['a', 'b']]);
    nothingIsLeft(rig);
  });

  it('merges the headers and the trailers of all answers, up to their limit', async () => {
    const rig = await serving(['a', 'b']);
    const client = rig.client(ids('a', 'b'));
    client.push(framed('q'), true);
    for (const model of ['b', 'a']) {
      const stream = streamOf(rig, model);
      stream.answersHeaders([...HEADERS, 'grpc-encoding', 'identity', 'x-from', model]);
      stream.answersData(framed(model));
      stream.answersTrailers('grpc-status', '0', 'x-took', model);
    }
    assert.deepEqual(client.stream.sentHeaders?.raw(), [...HEADERS, 'x-from', 'a', 'x-from', 'b']);
    assert.deepEqual(client.stream.sentTrailers?.raw(), ['grpc-status', '0', 'x-took', 'a', 'x-took', 'b']);

    const large = rig.client(ids('a', 'b'));
    large.push(framed('q'), true);
    for (const stream of rig.streams.slice(2)) {
      stream.answersHeaders([...HEADERS, 'x-large', 'x'.repeat(MERGED_FIELDS_BYTES_MAX / 2)]);
      stream.answersData(framed('a'));
      stream.answersTrailers('grpc-status', '0');
    }
    assert.equal(large.status?.[0], 8);
    assert.match(large.status?.[1] ?? '', /headers of the answers/);
    nothingIsLeft(rig);
  });

  it('takes one message: a second one, an answer of several, and a call without one are refused', async () => {
    const rig = await serving(['a', 'b']);
    const second = rig.client(ids('a', 'b'));
    second.push(Buffer.concat([framed('one'), framed('two')]), false);
    assert.equal(second.status?.[0], 12);
    const begun = rig.client(ids('a', 'b'));
    begun.push(framed('one'), false);
    begun.push(framed('two').subarray(0, 1), false);
    assert.equal(begun.status?.[0], 12);
    assert.equal(rig.streams.length, 0, 'nothing was sent before the request was complete');
    const none = rig.client(ids('a', 'b'), true);
    assert.deepEqual(none.status, [3, 'the request ends without a message']);
    const half = rig.client(ids('a', 'b'));
    half.push(framed('one').subarray(0, 6), true);
    assert.deepEqual(half.status, [3, 'the request ends in the middle of a message']);
    const streaming = rig.client(ids('a', 'b'));
    streaming.push(framed('q'), true);
    streamOf(rig, 'a').answersHeaders();
    streamOf(rig, 'a').answersData(Buffer.concat([framed('1'), framed('2')]));
    assert.equal(streaming.status?.[0], 12);
    assert.deepEqual([streamOf(rig, 'a').resets, streamOf(rig, 'b').resets], [[8], [8]]);
    nothingIsLeft(rig);
  });

  it('holds the request to the limit of a message, and so the answers together', async () => {
    const rig = await serving(['a', 'b'], { limits: { messageBytesMax: 1000 } });
    const large = rig.client(ids('a', 'b'));
    large.push(framed(patterned(1001)), true);
    assert.equal(large.status?.[0], 8);
    const exact = rig.client(ids('a', 'b'));
    exact.push(framed('q'), true);
    for (const model of ['a', 'b']) streamOf(rig, model).answers(framed(patterned(500)));
    assert.deepEqual(exact.status, [0, '']);
    const above = rig.client(ids('a', 'b'));
    above.push(framed('q'), true);
    const [first, other] = rig.streams.slice(2);
    first?.answers(framed(patterned(500)));
    other?.answers(framed(patterned(501)));
    assert.deepEqual(above.status, [8, 'the answers are above the limit of 1000 bytes together (messageBytesMax)']);
    nothingIsLeft(rig);
  });

  it('is held within the memory for openings: fewer models at a time where that is small, refused where it is full', async () => {
    const rig = await serving(['a', 'b', 'c'], { limits: { openingBytesMax: 2500 } });
    const tight = rig.client(ids('a', 'b', 'c'));
    tight.push(framed(patterned(1000)), true);
    assert.deepEqual(asked(rig), ['a'], 'there is room for one copy of the request at a time');
    for (const model of ['a', 'b', 'c']) streamOf(rig, model).answers(framed(model));
    assert.deepEqual(tight.stream.body, framed('abc'));
    const large = rig.client(ids('a', 'b'));
    large.push(framed(patterned(2600)), true);
    assert.equal(large.status?.[0], 8);
    const alone = rig.client(ids('a', 'b'));
    alone.push(framed(patterned(1400)), true);
    assert.equal(alone.status?.[0], 8, 'no room for a single copy');
    const answered = rig.client(ids('a', 'b'));
    answered.push(framed('q'), true);
    rig.stream.answersHeaders();
    rig.stream.answersData(framed(patterned(2600)).subarray(0, 2490));
    assert.match(answered.status?.[1] ?? '', /openingBytesMax/);
    nothingIsLeft(rig);
  });

  it('ends at its deadline, and leaves nothing when its caller goes away', async () => {
    const rig = await serving(['a', 'b']);
    const late = rig.client([...ids('a', 'b'), 'grpc-timeout', '100m']);
    late.push(framed('q'), true);
    assert.match(rig.stream.headers.get('grpc-timeout') ?? '', /^\d+m$/);
    rig.clock.advance(120);
    assert.equal(late.status?.[0], 4);
    const silent = rig.client([...ids('a', 'b'), 'grpc-timeout', '100m']);
    rig.clock.advance(120);
    assert.equal(silent.status?.[0], 4);
    const gone = rig.client(ids('a', 'b'));
    gone.push(framed('q'), true);
    gone.cancel();
    assert.deepEqual(
      rig.streams.map(({ resets }) => resets),
      [[8], [8], [8], [8]],
    );
    nothingIsLeft(rig);
  });

  it('gives its answer at the pace of its caller', async () => {
    const rig = await serving(['a', 'b'], { limits: { openingBytesMax: 1024 * 1024 } });
    const client = rig.client(ids('a', 'b'));
    client.push(framed('q'), true);
    client.stream.writable = false;
    const [one, two] = [patterned(100_000), patterned(150_000)];
    streamOf(rig, 'a').answers(framed(one));
    streamOf(rig, 'b').answers(framed(two));
    assert.ok(client.stream.body.length < 100, 'the prefix, and no more before the caller can take it');
    client.resume();
    assert.equal(Buffer.compare(client.stream.body, framed(Buffer.concat([one, two]))), 0);
    assert.deepEqual(client.status, [0, '']);
    nothingIsLeft(rig);
  });

  it('passes a compressed message on as it came, and asks for answers that are not compressed', async () => {
    const rig = await serving(['a', 'b']);
    const message = framed(gzipSync('question'));
    message[0] = 1;
    const client = rig.client([...ids('a', 'b'), 'grpc-encoding', 'gzip', 'grpc-accept-encoding', 'gzip']);
    client.push(message, true);
    for (const { headers, body } of rig.streams) {
      assert.deepEqual([headers.get('grpc-encoding'), headers.get('grpc-accept-encoding')], ['gzip', undefined]);
      assert.equal(Buffer.compare(body, message), 0);
    }
    streamOf(rig, 'a').answersHeaders([...HEADERS, 'grpc-encoding', 'gzip']);
    streamOf(rig, 'a').answersData(message);
    assert.deepEqual(client.status, [13, 'the runtime compressed its answer, which it was not asked to']);
    nothingIsLeft(rig);
  });

  it('is measured as one call without a model', async () => {
    const rig = await serving(['a', 'b']);
    const client = rig.client(ids('a', 'b'));
    client.push(framed('question'), true);
    for (const model of ['a', 'b']) streamOf(rig, model).answers(framed(model));
    const [facts, ...more] = rig.finished;
    assert.deepEqual([facts?.model, facts?.endpoint, facts?.code, facts?.requestBytes, more.length], [null, null, 0, 8, 0]);
  });
});
