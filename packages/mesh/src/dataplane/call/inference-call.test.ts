import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RESET_CODE } from '@modelmesh/grpc/stream';
import type { SlotRef } from '../../link/index.ts';
import { CallRig, type CallRigOptions, framed, patterned } from './testing/index.ts';

const BODY = framed('question');
const ANSWER = framed('answer');

/** A rig with the model `m` served from a slot. */
async function serving(options: CallRigOptions = {}): Promise<{ rig: CallRig; slot: SlotRef }> {
  const rig = await CallRig.ready(options);
  const slot = rig.openSlot();
  await rig.route('m', slot);
  return { rig, slot };
}

function nothingIsLeft(rig: CallRig, slot?: SlotRef): void {
  const { plane } = rig.dataPlane;
  assert.deepEqual(
    {
      inFlight: slot === undefined ? 0 : rig.counters.inFlight(slot),
      replay: plane.replay.used,
      opening: plane.opening.used,
      located: plane.locator.waitingCalls,
      runtime: plane.runtime.waiting,
      deadlines: rig.timers.count,
    },
    { inFlight: 0, replay: 0, opening: 0, located: 0, runtime: 0, deadlines: 0 },
  );
}

describe('a call that is cancelled leaves nothing behind', () => {
  it('while control looks for a copy', async () => {
    const rig = await CallRig.ready();
    await rig.route('m', null);
    const { call, caller } = rig.call('m', { deadline: rig.in(1000) });
    call.push(BODY, true);
    call.start();
    call.cancel();
    await rig.located('m', { kind: 'serving', slot: rig.openSlot() });
    assert.equal(caller.ended, false);
    assert.equal(rig.streams.length, 0);
    nothingIsLeft(rig);
  });

  it('while the runtime is away', async () => {
    const { rig, slot } = await serving();
    await rig.runtimeDown();
    const { call, caller } = rig.call('m', { deadline: rig.in(1000) });
    call.push(BODY, true);
    call.start();
    assert.equal(rig.dataPlane.plane.runtime.waiting, 1);
    call.cancel();
    await rig.runtimeUp();
    assert.equal(caller.ended, false);
    nothingIsLeft(rig, slot);
  });

  it('while the runtime works on it, and after half an answer', async () => {
    const { rig, slot } = await serving();
    for (const answer of [undefined, ANSWER]) {
      const { call } = rig.call('m', { deadline: rig.in(1000) });
      call.push(BODY, true);
      call.start();
      if (answer !== undefined) {
        rig.stream.answersHeaders();
        rig.stream.answersData(answer);
      }
      call.cancel();
      assert.deepEqual(rig.stream.resets, [RESET_CODE.cancel]);
      rig.stream.answersTrailers('grpc-status', '0');
      nothingIsLeft(rig, slot);
    }
  });
});

describe('a call whose deadline passes', () => {
  it('says so in every phase, and frees what it held', async () => {
    const { rig, slot } = await serving();
    await rig.route('cold', null);
    const running = rig.call('m', { deadline: rig.in(100) });
    const locating = rig.call('cold', { deadline: rig.in(100) });
    for (const { call } of [running, locating]) {
      call.push(BODY, true);
      call.start();
    }
    await rig.runtimeDown();
    const waiting = rig.call('m', { deadline: rig.in(100) });
    waiting.call.push(BODY, true);
    waiting.call.start();
    rig.clock.advance(120);
    for (const { caller } of [running, locating, waiting]) assert.equal(caller.error?.kind, 'deadline-exceeded');
    assert.match(locating.caller.error?.message ?? '', /while the model was being loaded/);
    assert.deepEqual(rig.stream.resets, [RESET_CODE.cancel]);
    nothingIsLeft(rig, slot);
  });

  it('has no default deadline any more once its answer proves to be a stream, and the runtime is not told of the default', async () => {
    const { rig } = await serving();
    const { call, caller } = rig.call('m', { deadline: rig.in(300_000), deadlineIsDefault: true });
    call.push(BODY, true);
    call.start();
    assert.equal(rig.stream.headers.get('grpc-timeout'), undefined);
    rig.stream.answersHeaders();
    rig.stream.answersData(ANSWER);
    rig.stream.answersData(ANSWER.subarray(0, 3));
    rig.stream.answersData(ANSWER.subarray(3));
    rig.clock.advance(400_000);
    assert.equal(caller.error, undefined);
    rig.stream.answersTrailers('grpc-status', '0');
    assert.equal(caller.trailers?.get('grpc-status'), '0');
  });

  it('keeps its default deadline while there is one answer only, and forwards what remains of a deadline of its own', async () => {
    const { rig } = await serving();
    const patient = rig.call('m', { deadline: rig.in(300_000), deadlineIsDefault: true });
    patient.call.push(BODY, true);
    patient.call.start();
    rig.stream.answersHeaders();
    rig.stream.answersData(ANSWER);
    rig.clock.advance(300_100);
    assert.equal(patient.caller.error?.kind, 'deadline-exceeded');

    const own = rig.call('m', { deadline: rig.in(250) });
    own.call.push(BODY, true);
    own.call.start();
    assert.equal(rig.stream.headers.get('grpc-timeout'), '250m');
  });
});

describe('a call that is tried again', () => {
  it('sends the whole request again when more of it came while it waited', async () => {
    const { rig, slot } = await serving();
    const message = framed(patterned(1000));
    const { call, caller } = rig.call('m');
    call.push(message.subarray(0, 500), false);
    call.start();
    rig.stream.ends({ kind: 'connection-lost', message: 'gone' });
    call.push(message.subarray(500), true);
    rig.clock.advance(60);
    assert.equal(rig.streams.length, 2);
    assert.deepEqual(rig.stream.body, message);
    rig.stream.answers(ANSWER);
    assert.equal(caller.trailers?.get('grpc-status'), '0');
    nothingIsLeft(rig, slot);
  });

  it('never begins in the middle: what can no longer be kept between two attempts is held until the next has sent it', async () => {
    const { rig, slot } = await serving({ limits: { replayBytesPerCallMax: 1000 } });
    const message = framed(patterned(3000));
    const { call, caller } = rig.call('m');
    call.push(message.subarray(0, 900), false);
    call.start();
    rig.stream.ends({ kind: 'connection-lost', message: 'gone' });
    call.push(message.subarray(900), true);
    rig.clock.advance(60);
    assert.deepEqual(rig.stream.body, message);
    rig.stream.ends({ kind: 'connection-lost', message: 'gone again' });
    assert.equal(caller.error?.kind, 'unavailable');
    nothingIsLeft(rig, slot);
  });

  it('never begins in the middle when a second message came between two attempts', async () => {
    const { rig } = await serving();
    const { call } = rig.call('m');
    call.push(BODY, false);
    call.start();
    rig.stream.ends({ kind: 'connection-lost', message: 'gone' });
    call.push(framed('second'), true);
    rig.clock.advance(60);
    assert.deepEqual(rig.stream.body, Buffer.concat([BODY, framed('second')]));
  });

  it('waits for a runtime that is away with a request of any size, since nothing of it was sent', async () => {
    const { rig } = await serving();
    await rig.runtimeDown();
    const message = framed(patterned(600_000));
    const { call, caller } = rig.call('m');
    call.push(message, true);
    call.start();
    assert.equal(caller.error, undefined);
    await rig.runtimeUp();
    assert.deepEqual(rig.stream.body, message);
  });

  it('asks control anew with a request of any size when the copy began to drain, and gives up after so many moves', async () => {
    const { rig, slot } = await serving();
    rig.counters.drain(slot);
    const message = framed(patterned(600_000));
    const { call, caller } = rig.call('m');
    call.push(message, true);
    call.start();
    let asked = 0;
    while (!caller.ended && asked < 100) {
      asked += 1;
      await rig.located('m', { kind: 'serving', slot });
    }
    assert.equal(caller.error?.kind, 'unavailable');
    assert.match(caller.error?.message ?? '', /the copy had moved/);
    assert.ok(asked < 10, `asked ${asked} times`);
    nothingIsLeft(rig, slot);
  });

  it('ends as INTERNAL where ModelMesh does, with the same words, and only when its attempts came to nothing', async () => {
    const { rig, slot } = await serving({ exhaustedKind: 'internal' });
    const lost = rig.call('m');
    lost.call.push(BODY, true);
    lost.call.start();
    rig.stream.refuses(14, 'no room');
    assert.equal(lost.caller.error?.kind, 'internal');
    assert.match(lost.caller.error?.message ?? '', /^the runtime is unavailable: no room \(1 attempt, .*not repeated/);
    const unknown = rig.call('nobody');
    unknown.call.start();
    assert.equal(unknown.caller.error?.kind, 'model-not-found');
    nothingIsLeft(rig, slot);
  });

  it('forgets the copy that failed it, never one that was loaded since', async () => {
    const { rig, slot } = await serving();
    const { call } = rig.call('m');
    call.push(BODY, true);
    call.start();
    const fresh = rig.openSlot();
    await rig.route('m', fresh);
    rig.stream.refuses(5, 'unknown model');
    await rig.settle();
    assert.deepEqual(rig.said('not-in-runtime'), [{ kind: 'not-in-runtime', model: 'm', slot }]);
  });

  it('is recorded when it succeeded in the end', async () => {
    const { rig } = await serving();
    const { call } = rig.call('m', { origin: { requestId: 'r-1' } });
    call.push(BODY, true);
    call.start();
    rig.stream.ends({ kind: 'unprocessed', why: 'refused-stream' });
    rig.stream.answers(ANSWER);
    await rig.settle();
    const [said] = rig.said('call-ended');
    assert.deepEqual([said?.record.requestId, said?.record.attempts], ['r-1', ['refused-stream']]);
  });
});

describe('an answer of the runtime', () => {
  it('that comes before the request was read lets go of the stream', async () => {
    const { rig, slot } = await serving();
    for (const end of ['status', 'trailers', 'no status', 'http'] as const) {
      const { call } = rig.call('m');
      call.push(BODY, false);
      call.start();
      const { stream } = rig;
      if (end === 'status') stream.refuses(3, 'no');
      if (end === 'http') stream.answersHeaders([':status', '404'], true);
      if (end === 'trailers' || end === 'no status') stream.answersHeaders();
      if (end === 'trailers') stream.answersTrailers('grpc-status', '3', 'grpc-message', 'no');
      if (end === 'no status') stream.answersData(new Uint8Array(0), true);
      assert.ok(stream.letGo, `a stream that ended with ${end} stays open`);
      nothingIsLeft(rig, slot);
    }
  });

  it('keeps its headers when it is an error that is passed on', async () => {
    const { rig } = await serving();
    const { call, caller } = rig.call('m');
    call.push(BODY, true);
    call.start();
    rig.stream.answersHeaders([':status', '200', 'content-type', 'application/grpc', 'x-served-by', 'gpu-1']);
    rig.stream.answersTrailers('grpc-status', '3', 'grpc-message', 'no');
    assert.equal(caller.headers?.get('x-served-by'), 'gpu-1');
    assert.equal(caller.trailers?.get('grpc-message'), 'no');
  });

  it('over plain HTTP or a reset reaches the caller with the code and the sentence that gRPC gives it', async () => {
    const { rig } = await serving();
    const outcomeOf = (end: (rig: CallRig) => void): readonly [string | undefined, string] => {
      const { call, caller } = rig.call('m');
      call.push(BODY, true);
      call.start();
      end(rig);
      assert.ok(caller.ended);
      const message = decodeURIComponent(caller.trailers?.get('grpc-message') ?? caller.error?.message ?? '');
      return [caller.trailers?.get('grpc-status') ?? caller.error?.kind, message];
    };
    const notFound = outcomeOf(({ stream }) => stream.answersHeaders([':status', '404'], false));
    assert.deepEqual(notFound, ['12', 'the runtime answered with HTTP status 404']);
    const denied = outcomeOf(({ stream }) => stream.answersHeaders([':status', '403'], true));
    assert.deepEqual(denied, ['7', 'the runtime answered with HTTP status 403']);
    const reset = outcomeOf(({ stream }) => stream.ends({ kind: 'peer-reset', code: RESET_CODE.internalError }));
    assert.deepEqual(reset, ['13', 'the runtime reset the stream with code 2']);
    const bare = outcomeOf(({ stream }) => {
      stream.answersHeaders();
      stream.answersData(ANSWER, true);
    });
    assert.equal(bare[0], '13');
    assert.match(bare[1], /without a status/);
  });

  it('is not repeated once a part of it was given on', async () => {
    const { rig, slot } = await serving();
    const { call, caller } = rig.call('m');
    call.push(BODY, true);
    call.start();
    rig.stream.answersHeaders();
    rig.stream.answersData(ANSWER);
    rig.stream.ends({ kind: 'connection-lost', message: 'gone' });
    assert.equal(caller.error?.kind, 'unavailable');
    assert.match(caller.error?.message ?? '', /a part of the answer was already sent/);
    assert.equal(rig.streams.length, 1);
    nothingIsLeft(rig, slot);
  });
});

describe('the pace of a call', () => {
  it('returns the credit of every byte once, and none while the runtime takes nothing', async () => {
    const { rig } = await serving();
    const { call, caller } = rig.call('m');
    const message = framed(patterned(300));
    call.push(message.subarray(0, 100), false);
    call.start();
    assert.equal(caller.taken, 100);
    rig.stream.writable = false;
    call.push(message.subarray(100, 200), false);
    call.push(message.subarray(200), true);
    assert.equal(caller.taken, 100);
    assert.equal(rig.stream.body.length, 200);
    rig.stream.becomesWritable();
    assert.equal(caller.taken, message.length);
    assert.deepEqual(rig.stream.body, message);
    assert.ok(rig.stream.sentEnd);
  });

  it('is the slower one of runtime and caller', async () => {
    const { rig } = await serving();
    const { call, caller } = rig.call('m');
    call.push(BODY, true);
    call.start();
    rig.stream.answersHeaders();
    caller.writable = false;
    rig.stream.answersData(Buffer.from(ANSWER));
    rig.stream.answersData(Buffer.from(ANSWER));
    assert.equal(rig.stream.consumed, 0);
    caller.writable = true;
    call.resume();
    call.resume();
    assert.equal(rig.stream.consumed, 2 * ANSWER.length);
  });
});

describe('a runtime that is away', () => {
  it('is waited for as long as it takes: a connection that comes back first changes nothing until control says that it is up', async () => {
    const { rig } = await serving();
    await rig.runtimeDown();
    const { call, caller } = rig.call('m', { deadline: rig.in(60_000) });
    call.push(BODY, true);
    call.start();
    for (let round = 0; round < 100; round++) rig.clock.advance(100);
    assert.equal(caller.error, undefined);
    await rig.runtimeUp();
    rig.stream.answers(ANSWER);
    assert.equal(caller.body, ANSWER.toString());
  });

  it('is looked for at a steady pace however many calls join those that wait', async () => {
    const { rig } = await serving();
    const { connection } = rig.engine;
    connection.become({ kind: 'failed', message: 'refused' });
    for (let round = 0; round < 20; round++) {
      const { call } = rig.call('m');
      call.push(BODY, true);
      call.start();
      rig.stream.ends({ kind: 'connect-failed', message: 'refused' });
      rig.clock.advance(20);
    }
    assert.ok(connection.connects > 4, `connected ${connection.connects} times in 400 ms`);
  });

  it('and will not come back ends those that wait and those that come, with its own words', async () => {
    const { rig, slot } = await serving();
    await rig.runtimeDown();
    const waiting = rig.call('m');
    waiting.call.push(BODY, true);
    waiting.call.start();
    await rig.runtimeDown(false);
    assert.equal(waiting.caller.error?.kind, 'unavailable');
    assert.match(waiting.caller.error?.message ?? '', /the runtime ended/);
    const late = rig.call('m');
    late.call.push(BODY, true);
    late.call.start();
    assert.match(late.caller.error?.message ?? '', /the runtime ended/);
    nothingIsLeft(rig, slot);
  });

  it('ends every call when the node shuts down, whatever it waits for', async () => {
    const { rig, slot } = await serving();
    await rig.route('cold', null);
    const running = rig.call('m');
    const locating = rig.call('cold');
    for (const { call } of [running, locating]) {
      call.push(BODY, true);
      call.start();
    }
    rig.dataPlane.close();
    rig.stream.ends({ kind: 'local-reset', code: RESET_CODE.cancel });
    const late = rig.call('cold');
    late.call.push(BODY, true);
    late.call.start();
    for (const { caller } of [running, locating, late]) {
      assert.equal(caller.error?.kind, 'unavailable');
      assert.match(caller.error?.message ?? '', /shutting down/);
    }
    nothingIsLeft(rig, slot);
  });
});
