import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { frameMessage } from '@modelmesh/grpc/framing';
import {
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  RESET_CODE,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { listenIn, listening } from '../conversations/index.ts';
import { NodeProcess, RuntimeProcess, realClock, splitAddress } from '../node-process/index.ts';
import { type Representation, writtenFields } from './representations.ts';

const CALLS = 4;
const SECRETS = { authorization: 'Bearer 0123456789', cookie: 'session=0123456789', 'x-secret': 'a secret of the client' };

/** How each occurrence of a field was written. */
function waysOf(octets: Uint8Array, side: 'client' | 'server', name: string): readonly Representation[] {
  return writtenFields(octets, side).flatMap((written) => (written.name === name ? [written.how] : []));
}

/** One gRPC call by `node:http2`, whose `x-secret` no table may keep. */
function call(session: http2.ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/lab.Echo/Call',
      'content-type': 'application/grpc',
      te: 'trailers',
      'mm-model-id': 'm',
      'x-plain': 'no secret of anybody',
      ...SECRETS,
      [http2.sensitiveHeaders as unknown as string]: ['x-secret'],
    });
    stream.on('trailers', (fields) => resolve(String(fields['grpc-status'])));
    stream.on('error', reject);
    stream.resume();
    stream.end(Buffer.concat(frameMessage([Buffer.from('hello')])));
  });
}

describe('secrets in header fields', () => {
  it('are written to the runtime as fields that no table keeps, and other fields are kept', async () => {
    await using runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    await using tap = await listenIn({ path: runtime.socketPath });
    const flags = { 'runtime-kind': 'external', 'runtime-management': `127.0.0.1:${tap.port}` };
    await using node = await NodeProcess.start({ flags });
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'm', modelInfo: { type: 'null', path: '' } });
    const [host, port] = splitAddress(node.addresses.inference);
    const session = http2.connect(`http://${host}:${port}`);
    for (let count = 0; count < CALLS; count += 1) assert.equal(await call(session), '0');
    session.destroy();
    const forwarded = tap.connections.map(({ client }) => new Uint8Array(Buffer.concat(client)));
    const ways = (name: string): readonly Representation[] => forwarded.flatMap((octets) => waysOf(octets, 'client', name));
    for (const name of Object.keys(SECRETS))
      assert.deepEqual(
        ways(name),
        Array.from({ length: CALLS }, () => 'never indexed'),
        name,
      );
    assert.equal(ways('x-plain').at(-1), 'indexed', 'the connection keeps what is no secret');
  });

  it('of an answer are written to the client as they came from the server behind', async () => {
    const origin = http2.createServer();
    origin.on('stream', (stream: http2.ServerHttp2Stream) => {
      const fields = {
        ':status': '200',
        'x-token': 'a secret of the server',
        'set-cookie': 'session=1',
        'x-plain': 'no secret of anybody',
      };
      stream.respond({ ...fields, [http2.sensitiveHeaders as unknown as string]: ['x-token'] }, { endStream: true });
    });
    await using proxy = await Passing.between(await listening(origin));
    await using tap = await listenIn({ host: '127.0.0.1', port: proxy.port });
    const session = http2.connect(`http://127.0.0.1:${tap.port}`);
    for (let count = 0; count < CALLS; count += 1) {
      const stream = session.request({ ':path': '/' }, { endStream: true }).resume();
      await once(stream, 'close');
    }
    session.destroy();
    origin.close();
    const [said] = tap.connections;
    const octets = new Uint8Array(Buffer.concat(said?.server ?? []));
    for (const name of ['x-token', 'set-cookie'])
      assert.deepEqual(
        waysOf(octets, 'server', name),
        Array.from({ length: CALLS }, () => 'never indexed'),
        name,
      );
    assert.equal(waysOf(octets, 'server', 'x-plain').at(-1), 'indexed');
  });
});

/** Hears an answer and gives it to the stream that asked. */
class AnswerOf implements StreamHandler {
  readonly #asked: ByteStream;
  constructor(asked: ByteStream) {
    this.#asked = asked;
  }
  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    this.#asked.sendHeaders(headers, end);
  }
  onData(): void {}
  onTrailers(): void {}
  onReset(): void {
    this.#asked.reset(RESET_CODE.cancel);
  }
  onWritable(): void {}
  onClosed(): void {}
}

/** A server on frames that asks a client on frames: header blocks pass as they are. */
class Passing implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => Promise<void>;

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port;
    this.#close = close;
  }

  static async between(originPort: number): Promise<Passing> {
    const engine = createFrameEngine({ clock: realClock });
    const client = engine.connect({ kind: 'tcp', host: '127.0.0.1', port: originPort }, DEFAULT_STREAM_LIMITS);
    const info = { remoteAddress: 'test', encrypted: false, clientCertificate: undefined };
    const server = createServer((socket) => {
      engine.serve(socket, info, DEFAULT_STREAM_LIMITS, (stream, headers, end) => {
        client.open(headers, end, new AnswerOf(stream));
        return new AnswerOf(stream);
      });
    });
    return new Passing(await listening(server), async () => {
      client.close();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
