import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { headerBlock } from '../header-block.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { RESET_CODE, type StreamEngine } from '../port.ts';
import { okHeaders, Pair, requestHeaders, roundTrip } from './pair.ts';
import { Recorder } from './recorder.ts';

/** Limits of streams, queues and headers, and where sockets come from. */
export function limitsContract(makeEngine: () => StreamEngine): void {
  streamLimitTests(makeEngine);
  headerLimitTests(makeEngine);
  socketTests(makeEngine);
}

function streamLimitTests(makeEngine: () => StreamEngine): void {
  test('streams beyond the limit of the other side wait for a free place, in order', async () => {
    await using pair = await Pair.over(makeEngine(), { serverLimits: { streamsPerConnectionMax: 2 } });
    const heard = Array.from({ length: 4 }, () => new Recorder());
    for (const recorder of heard) pair.open(recorder, true);
    await pair.nthAccepted(1);
    await roundTrip(pair.client);
    assert.equal(pair.accepted.length, 2);
    for (let index = 0; index < heard.length; index += 1) {
      const { stream } = await pair.nthAccepted(index);
      stream.sendHeaders(okHeaders, true);
      await heard[index]?.untilOver();
      assert.equal(heard[index]?.events.at(-1), 'closed');
    }
    assert.equal(pair.connections[0]?.streamCount, 0);
  });

  test('a full queue refuses at once and sends nothing; given-up streams make room', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serverLimits: { streamsPerConnectionMax: 1 },
      clientLimits: { queuedStreamsMax: 2 },
    });
    pair.open(new Recorder(), true);
    await pair.nthAccepted(0);
    const waiting = pair.open(new Recorder(), true);
    pair.open(new Recorder(), true);
    assert.throws(
      () => pair.open(new Recorder(), true),
      (error) => error instanceof MeshError && error.kind === 'overloaded' && error.message.includes('queuedStreamsMax'),
    );
    waiting.reset(8);
    pair.open(new Recorder(), true);
    await roundTrip(pair.client);
    assert.equal(pair.accepted.length, 1);
  });
}

function headerLimitTests(makeEngine: () => StreamEngine): void {
  const tooMuch = Array.from({ length: 40 }, (_, index) => [`x-${index}`, 'v'.repeat(200)]).flat();

  test('a request whose header list is over the limit is refused and the connection lives', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serverLimits: { headerListBytesMax: 4096 },
      serve: ({ stream }) => stream.sendHeaders(okHeaders, true),
    });
    const refused = new Recorder();
    pair.open(refused, true, tooMuch);
    const fine = new Recorder();
    pair.open(fine, true);
    await Promise.all([refused.untilOver(), fine.untilOver()]);
    assert.ok(
      refused.cause?.kind === 'peer-reset' || refused.cause?.kind === 'protocol-error',
      `ended by ${refused.cause?.kind}`,
    );
    assert.deepEqual(fine.events, ['headers end', 'closed']);
    assert.equal(pair.accepted.length, 1);
  });

  test('a server answers a request whose header list is over the limit when it was given the words, and takes no notice of its body', async () => {
    const sentences: string[] = [];
    await using pair = await Pair.over(makeEngine(), {
      serverLimits: { headerListBytesMax: 4096 },
      serve: ({ stream }) => stream.sendHeaders(okHeaders, true),
      refuse: (stream, headers, end, error) => {
        sentences.push(`${error.kind}: ${error.message}; ${headers.get(':method')}${end ? ' end' : ''}`);
        stream.sendHeaders(headerBlock([':status', '431']), true);
        if (!end) stream.reset(RESET_CODE.noError);
        return new Recorder();
      },
    });
    const heard = [new Recorder(), new Recorder(), new Recorder()] as const;
    pair.open(heard[0], true, tooMuch);
    const body = pair.open(heard[1], false, tooMuch);
    body.sendData(new Uint8Array(1000), false);
    pair.open(heard[2], true);
    await Promise.all(heard.map((recorder) => recorder.untilEnd()));
    assert.deepEqual(
      heard.map(({ headers }) => headers?.get(':status')),
      ['431', '431', '200'],
    );
    const sentence =
      /^too-large: a header list of 9\d{3} bytes is above the limit of 4096 bytes \(headerListBytesMax\); POST( end)?$/;
    for (const said of sentences) assert.match(said, sentence);
    assert.deepEqual([sentences.length, pair.accepted.length], [2, 1]);
  });

  test('a request with far too many headers is reset with ENHANCE_YOUR_CALM, words or not, and the connection lives', async () => {
    let refused = 0;
    await using pair = await Pair.over(makeEngine(), {
      serverLimits: { headerListBytesMax: 4096 },
      clientLimits: { headerListBytesMax: 1_048_576 },
      serve: ({ stream }) => stream.sendHeaders(okHeaders, true),
      refuse: () => {
        refused += 1;
        return new Recorder();
      },
    });
    await roundTrip(pair.client);
    for (const [fields, length] of [
      [10, 10_000],
      [2000, 20],
    ] as const) {
      const heard = new Recorder();
      pair.open(heard, true, Array.from({ length: fields }, (_, index) => [`x-${index}`, 'v'.repeat(length)]).flat());
      await heard.untilOver();
      assert.deepEqual(heard.cause, { kind: 'peer-reset', code: RESET_CODE.enhanceYourCalm });
    }
    const fine = new Recorder();
    pair.open(fine, true);
    await fine.untilOver();
    assert.deepEqual([fine.events.at(-1), refused, pair.connections.length], ['closed', 0, 1]);
  });

  test('a request whose header list is over the own limit of a client is not sent, and its error says so', async () => {
    await using pair = await Pair.over(makeEngine(), {
      clientLimits: { headerListBytesMax: 4096 },
      serve: ({ stream }) => stream.sendHeaders(okHeaders, true),
    });
    const unsent = new Recorder();
    pair.open(unsent, true, tooMuch);
    await unsent.untilOver();
    assert.equal(unsent.cause?.kind, 'protocol-error');
    assert.match(JSON.stringify(unsent.cause), /a header list of 9\d{3} bytes is not sent, above the limit of 4096 bytes/);
    const fine = new Recorder();
    pair.open(fine, true);
    await fine.untilOver();
    assert.deepEqual([fine.events.at(-1), pair.accepted.length], ['closed', 1]);
  });

  test('an answer whose header list is over the limit ends its stream and the connection lives', async () => {
    await using pair = await Pair.over(makeEngine(), {
      clientLimits: { headerListBytesMax: 4096 },
      serve: ({ stream, headers }) => {
        const extra = headers.get('x-much') === undefined ? [] : tooMuch;
        stream.sendHeaders(headerBlock([':status', '200', ...extra]), true);
      },
    });
    const refused = new Recorder();
    pair.open(refused, true, ['x-much', '1']);
    await refused.untilOver();
    const fine = new Recorder();
    pair.open(fine, true);
    await fine.untilOver();
    assert.equal(refused.headers, undefined);
    assert.ok(
      refused.cause?.kind === 'peer-reset' || refused.cause?.kind === 'protocol-error',
      `ended by ${refused.cause?.kind}`,
    );
    assert.deepEqual(fine.events, ['headers end', 'closed']);
    assert.equal(pair.connections.length, 1);
  });
}

function socketTests(makeEngine: () => StreamEngine): void {
  test('a socket is served whose first bytes were read and put back', async () => {
    const engine = makeEngine();
    const info = { remoteAddress: 'test', encrypted: false, clientCertificate: undefined };
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.once('data', (first) => {
        socket.pause();
        socket.unshift(first);
        engine.serve(socket, info, DEFAULT_STREAM_LIMITS, (stream, _headers, _end, connection) => {
          stream.sendHeaders(headerBlock([':status', '200', 'x-peer', connection.info.remoteAddress]), true);
          return new Recorder();
        });
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const client = engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
    const heard = new Recorder();
    client.open(requestHeaders(), true, heard);
    await heard.untilOver();
    assert.equal(heard.headers?.get('x-peer'), 'test');
    client.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('unix sockets carry streams too', async () => {
    const engine = makeEngine();
    const folder = await mkdtemp(join(tmpdir(), 'stream-'));
    const path = join(folder, 's');
    const info = { remoteAddress: 'unix', encrypted: false, clientCertificate: undefined };
    const server = createServer((socket) => {
      engine.serve(socket, info, DEFAULT_STREAM_LIMITS, (stream) => {
        stream.sendHeaders(okHeaders, true);
        return new Recorder();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(path, resolve);
    });
    const client = engine.connect({ kind: 'unix', path }, DEFAULT_STREAM_LIMITS);
    const heard = new Recorder();
    client.open(requestHeaders(), true, heard);
    await heard.untilOver();
    assert.equal(heard.events.at(-1), 'closed');
    client.close();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
}
