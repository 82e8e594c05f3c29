import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { RESET_CODE, type StreamEngine } from '../port.ts';
import { listen, okHeaders, requestHeaders } from './pair.ts';
import { clientPreface, dataFrame, headersFrame, resetFrame } from './raw-peer.ts';
import { Recorder } from './recorder.ts';

/** A client may say everything at once, so that a whole request has come before the engine is given the socket. */
export function oneSegmentContract(makeEngine: () => StreamEngine): void {
  const request = headersFrame(1, [...requestHeaders().raw()]);
  const cases: readonly (readonly [string, readonly Buffer[], string])[] = [
    ['its body', [request, dataFrame(1, 'question', true)], 'question'],
    ['a body of several frames', [request, dataFrame(1, 'ques', false), dataFrame(1, 'tion', true)], 'question'],
    ['a body that ends by an empty frame', [request, dataFrame(1, 'question', false), dataFrame(1, '', true)], 'question'],
    ['an end that comes after its headers', [request, dataFrame(1, '', true)], ''],
    ['trailers', [request, dataFrame(1, 'question', false), headersFrame(1, ['x-last', '1'], true)], 'question'],
  ];
  for (const [what, frames, body] of cases) {
    test(`a request whose first segment holds ${what} is heard to its end`, async () => {
      await using server = await serveReadSockets(makeEngine());
      await using _client = await say(server.port, [clientPreface(), ...frames]);
      const heard = await server.accepted;
      await heard.untilOver();
      assert.equal(heard.text, body);
      assert.equal(heard.events.at(-1), 'closed');
      assert.equal(heard.receiveEnded, true);
      assert.deepEqual(heard.violations, []);
    });
  }

  test('a request that is reset in the segment that brings it harms nobody else on its connection', async () => {
    await using server = await serveReadSockets(makeEngine());
    const reset = [request, resetFrame(1, RESET_CODE.internalError)];
    await using _client = await say(server.port, [
      clientPreface(),
      ...reset,
      headersFrame(3, [...requestHeaders(['x-ask', '2']).raw()], true),
    ]);
    await server.until(({ headers }) => headers === '2');
    assert.ok(server.connections === 1);
  });
}

interface ReadSockets extends AsyncDisposable {
  readonly port: number;
  readonly connections: number;
  /** What the first stream hears. */
  readonly accepted: Promise<Recorder>;
  /** Resolves once a stream was accepted of which `holds`. */
  until(holds: (accepted: { readonly headers: string | undefined }) => boolean): Promise<void>;
}

/** Gives the engine sockets whose first bytes were read and put back, as a port for several protocols does. */
async function serveReadSockets(engine: StreamEngine): Promise<ReadSockets> {
  const sockets: Socket[] = [];
  const accepted = Promise.withResolvers<Recorder>();
  const seen: (string | undefined)[] = [];
  let look = (): void => undefined;
  const info = { remoteAddress: '127.0.0.1', encrypted: false, clientCertificate: undefined };
  const serve = (socket: Socket): void =>
    void engine.serve(socket, info, DEFAULT_STREAM_LIMITS, (stream, headers, end) => {
      const heard = new Recorder();
      const answer = (): void => {
        stream.sendHeaders(okHeaders, true);
      };
      if (end) answer();
      else void heard.untilEnd().then(answer);
      accepted.resolve(heard);
      seen.push(headers.get('x-ask'));
      look();
      return heard;
    });
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    socket.once('readable', () => {
      socket.unshift(socket.read());
      serve(socket);
    });
  });
  const port = await listen(server);
  return {
    port,
    accepted: accepted.promise,
    get connections() {
      return sockets.length;
    },
    until: (holds) =>
      new Promise((resolve) => {
        look = () => {
          if (seen.some((headers) => holds({ headers }))) resolve();
        };
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A connection that says all of this with one write. */
async function say(port: number, frames: readonly Buffer[]): Promise<AsyncDisposable> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.resume().write(Buffer.concat(frames));
  return { [Symbol.asyncDispose]: () => Promise.resolve(void socket.destroy()) };
}
