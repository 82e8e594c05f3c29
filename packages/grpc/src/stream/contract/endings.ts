import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { headerBlock } from '../header-block.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { type ClientConnectionState, RESET_CODE, type StreamEngine } from '../port.ts';
import { bytesOf, listen, okHeaders, Pair, requestHeaders, roundTrip } from './pair.ts';
import { goawayFrame, RawPeer } from './raw-peer.ts';
import { Recorder } from './recorder.ts';

/** Resets, lost connections, GOAWAY: every stream ends once and says why. */
export function endingsContract(makeEngine: () => StreamEngine): void {
  resetTests(makeEngine);
  earlyAnswerTests(makeEngine);
  lossTests(makeEngine);
  closingTests(makeEngine);
  goawayTests(makeEngine);
}

function resetTests(makeEngine: () => StreamEngine): void {
  test('a reset by the client reaches the server with its code, and ends the client side too', async () => {
    await using pair = await Pair.over(makeEngine());
    const heard = new Recorder();
    const stream = pair.open(heard);
    const { heard: server } = await pair.nthAccepted(0);
    stream.reset(RESET_CODE.cancel);
    await Promise.all([heard.untilOver(), server.untilOver()]);
    assert.deepEqual(server.cause, { kind: 'peer-reset', code: RESET_CODE.cancel });
    assert.deepEqual(heard.cause, { kind: 'local-reset', code: RESET_CODE.cancel });
  });

  for (const code of [RESET_CODE.internalError, RESET_CODE.enhanceYourCalm, RESET_CODE.cancel, RESET_CODE.noError]) {
    test(`a reset by the server with code ${code} reaches the client, amid an answer too`, async () => {
      await using pair = await Pair.over(makeEngine(), { serve: ({ stream }) => stream.sendHeaders(okHeaders, false) });
      const heard = new Recorder();
      pair.open(heard);
      const { stream } = await pair.nthAccepted(0);
      await heard.until(() => heard.headers !== undefined);
      stream.reset(code);
      await heard.untilOver();
      assert.deepEqual(heard.cause, { kind: 'peer-reset', code });
      assert.deepEqual(heard.events, ['headers', 'reset peer-reset']);
    });
  }

  test('a refused stream is told apart: nothing was processed', async () => {
    await using pair = await Pair.over(makeEngine(), { serve: ({ stream }) => stream.reset(RESET_CODE.refusedStream) });
    const heard = new Recorder();
    pair.open(heard);
    await heard.untilOver();
    assert.deepEqual(heard.cause, { kind: 'unprocessed', why: 'refused-stream' });
  });
}

function earlyAnswerTests(makeEngine: () => StreamEngine): void {
  test('a server that needs no more of the request still delivers its whole answer', async () => {
    const answer = 'a'.repeat(300_000);
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, false);
        stream.sendData(bytesOf(answer), false);
        stream.sendTrailers(headerBlock(['grpc-status', '0']));
        stream.reset(RESET_CODE.noError);
      },
    });
    const heard = new Recorder();
    pair.open(heard);
    await heard.untilOver();
    assert.equal(heard.receivedBytes, answer.length);
    assert.equal(heard.trailers?.get('grpc-status'), '0');
    assert.deepEqual(heard.cause, { kind: 'peer-reset', code: RESET_CODE.noError });
  });

  test('a server may answer with one block and need nothing of the request', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, true);
        stream.reset(RESET_CODE.noError);
      },
    });
    const heard = new Recorder();
    pair.open(heard);
    await heard.untilOver();
    const { heard: server } = await pair.nthAccepted(0);
    await server.untilOver();
    assert.deepEqual(heard.events, ['headers end', 'reset peer-reset']);
    assert.deepEqual(server.cause, { kind: 'local-reset', code: RESET_CODE.noError });
  });

  test('after its end a stream takes every call and does nothing', async () => {
    await using pair = await Pair.over(makeEngine(), { serve: ({ stream }) => stream.sendHeaders(okHeaders, true) });
    const heard = new Recorder();
    const stream = pair.open(heard, true);
    await heard.untilOver();
    const accepted = await pair.nthAccepted(0);
    await accepted.heard.untilOver();
    for (const ended of [stream, accepted.stream]) {
      assert.equal(ended.sendData(bytesOf('x'), true), true);
      ended.sendTrailers(okHeaders);
      ended.reset(RESET_CODE.cancel);
      ended.consume(10);
    }
    accepted.stream.sendHeaders(okHeaders, true);
    await roundTrip(pair.client);
    assert.deepEqual([...heard.violations, ...accepted.heard.violations], []);
  });
}

function lossTests(makeEngine: () => StreamEngine): void {
  test('a lost connection ends streams in flight as perhaps processed, and the next stream connects again', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, headers }) => {
        if (headers.get('x-answer') !== undefined) stream.sendHeaders(okHeaders, true);
      },
    });
    const states: ClientConnectionState[] = [];
    pair.client.onState = (state) => states.push(state);
    const heard = new Recorder();
    pair.open(heard);
    const { heard: server } = await pair.nthAccepted(0);
    pair.sockets[0]?.destroy();
    await Promise.all([heard.untilOver(), server.untilOver()]);
    assert.equal(heard.cause?.kind, 'connection-lost');
    assert.equal(server.cause?.kind, 'connection-lost');
    const again = new Recorder();
    pair.open(again, true, ['x-answer', '1']);
    await again.untilOver();
    assert.equal(again.events.at(-1), 'closed');
    assert.deepEqual(
      states.map((state) => (state.kind === 'ready' ? `ready ${state.epoch}` : state.kind)),
      ['connecting', 'ready 1', 'failed', 'connecting', 'ready 2'],
    );
  });

  test('a connection that cannot be made fails every waiting stream as unsent', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const client = makeEngine().connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
    const heard = [new Recorder(), new Recorder()];
    for (const recorder of heard) client.open(requestHeaders(), false, recorder).sendData(bytesOf('x'), false);
    await Promise.all(heard.map((recorder) => recorder.untilOver()));
    assert.deepEqual(
      heard.map(({ cause }) => cause?.kind),
      ['connect-failed', 'connect-failed'],
    );
    assert.equal(client.state.kind, 'failed');
    client.close();
  });
}

function closingTests(makeEngine: () => StreamEngine): void {
  test('closing a client ends its streams and refuses new ones', async () => {
    await using pair = await Pair.over(makeEngine());
    const heard = new Recorder();
    pair.open(heard);
    const { heard: server } = await pair.nthAccepted(0);
    pair.client.close();
    const late = new Recorder();
    pair.open(late);
    await Promise.all([heard.untilOver(), server.untilOver(), late.untilOver()]);
    assert.equal(heard.cause?.kind, 'local-reset');
    assert.equal(late.cause?.kind, 'connect-failed');
    assert.equal(pair.client.state.kind, 'closed');
  });

  test('a stream given up while it waits for the connection is never sent', async () => {
    await using pair = await Pair.over(makeEngine(), { serve: ({ stream }) => stream.sendHeaders(okHeaders, true) });
    const given = new Recorder();
    pair.open(given).reset(RESET_CODE.cancel);
    const heard = new Recorder();
    pair.open(heard, true);
    await Promise.all([given.untilOver(), heard.untilOver()]);
    assert.deepEqual(given.cause, { kind: 'local-reset', code: RESET_CODE.cancel });
    assert.equal(pair.accepted.length, 1);
  });

  test('pings are answered while connected and come back empty when not', async () => {
    await using pair = await Pair.over(makeEngine());
    assert.equal(await roundTrip(pair.client), null);
    pair.open(new Recorder());
    await pair.nthAccepted(0);
    const trip = await roundTrip(pair.client);
    assert.ok(trip !== null && trip >= 0);
  });
}

function goawayTests(makeEngine: () => StreamEngine): void {
  test('a draining server finishes its streams while new ones go to a new connection', async () => {
    await using pair = await Pair.over(makeEngine());
    const first = new Recorder();
    pair.open(first, true);
    const old = await pair.nthAccepted(0);
    old.connection.drain();
    await roundTrip(pair.client);
    const second = new Recorder();
    pair.open(second, true);
    const fresh = await pair.nthAccepted(1);
    assert.notEqual(fresh.connection, old.connection);
    old.stream.sendHeaders(okHeaders, true);
    fresh.stream.sendHeaders(okHeaders, true);
    await Promise.all([first.untilOver(), second.untilOver()]);
    assert.deepEqual([first.events.at(-1), second.events.at(-1)], ['closed', 'closed']);
  });

  test('streams above the last id of a GOAWAY were not processed, those below perhaps', async () => {
    await using peer = await RawPeer.listen();
    const client = makeEngine().connect({ kind: 'tcp', host: '127.0.0.1', port: peer.port }, DEFAULT_STREAM_LIMITS);
    const heard = [new Recorder(), new Recorder(), new Recorder()];
    for (const recorder of heard) client.open(requestHeaders(), false, recorder);
    const socket = await peer.untilHeaders(3);
    socket.write(goawayFrame(1, 0));
    await Promise.all([heard[1]?.untilOver(), heard[2]?.untilOver()]);
    assert.equal(heard[0]?.over, false);
    socket.destroy();
    await heard[0]?.untilOver();
    assert.deepEqual(
      heard.map(({ cause }) => cause?.kind),
      ['connection-lost', 'unprocessed', 'unprocessed'],
    );
    assert.deepEqual(heard[2]?.cause, { kind: 'unprocessed', why: 'goaway' });
    client.close();
  });

  test('a GOAWAY with an error tells the same apart', async () => {
    await using peer = await RawPeer.listen();
    const client = makeEngine().connect({ kind: 'tcp', host: '127.0.0.1', port: peer.port }, DEFAULT_STREAM_LIMITS);
    const heard = [new Recorder(), new Recorder()];
    for (const recorder of heard) client.open(requestHeaders(), false, recorder);
    const socket = await peer.untilHeaders(2);
    socket.write(goawayFrame(1, RESET_CODE.enhanceYourCalm));
    await Promise.all(heard.map((recorder) => recorder.untilOver()));
    assert.deepEqual(
      heard.map(({ cause }) => cause?.kind),
      ['connection-lost', 'unprocessed'],
    );
    client.close();
  });

  test('a peer that does not speak HTTP/2 is a failed connection', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const port = await listen(server);
    const client = makeEngine().connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
    const heard = new Recorder();
    client.open(requestHeaders(), true, heard);
    await heard.untilOver();
    assert.equal(heard.cause?.kind, 'connect-failed');
    client.close();
    await new Promise((resolve) => server.close(resolve));
  });
}
