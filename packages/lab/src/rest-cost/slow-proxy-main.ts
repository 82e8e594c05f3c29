/**
 * `slow-proxy-main.ts SOCKET`: takes V2 requests of FP32 in JSON over HTTP/2 and asks the runtime at the unix socket by gRPC, on the engine of the mesh but
 * through `JSON.parse`, generated classes and `JSON.stringify`. It does nothing else that a node does, and tells where it listens in one line of JSON.
 */
import { Listener } from '@modelmesh/grpc/listen';
import {
  type AcceptStream,
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  headerBlock,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { connectGrpc, realClock } from '../node-process/index.ts';
import { slowAnswer, slowRequest } from './slow-way.ts';

const [socketPath = ''] = process.argv.slice(2);
const { client } = connectGrpc({ kind: 'unix', path: socketPath });
const MODEL = /^\/v2\/models\/([^/]+)\/infer$/;

class Exchange implements StreamHandler {
  readonly #model: string;
  readonly #chunks: Uint8Array[] = [];

  constructor(path: string) {
    this.#model = MODEL.exec(path)?.[1] ?? '';
  }

  onHeaders(): void {}
  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    this.#chunks.push(Uint8Array.from(bytes));
    stream.consume(bytes.byteLength);
    if (end) void this.#answer(stream);
  }
  onTrailers(): void {}
  onReset(): void {}
  onWritable(): void {}
  onClosed(): void {}

  async #answer(stream: ByteStream): Promise<void> {
    try {
      const message = slowRequest(this.#model, Buffer.concat(this.#chunks));
      const headers = ['mm-model-id', this.#model];
      const body = slowAnswer(await client.unary(GRPCInferenceService.method.modelInfer, message, { headers }));
      const fields = [':status', '200', 'content-type', 'application/json', 'content-length', String(body.length)];
      stream.sendHeaders(headerBlock(fields), false);
      stream.sendData(body, true);
    } catch (error) {
      const body = Buffer.from(JSON.stringify({ error: String(error) }));
      stream.sendHeaders(headerBlock([':status', '500', 'content-length', String(body.length)]), false);
      stream.sendData(body, true);
    }
  }
}

const accept: AcceptStream = (_stream, headers) => new Exchange(headers.get(':path') ?? '');
const listener = new Listener({ engine: createFrameEngine({ clock: realClock }), limits: DEFAULT_STREAM_LIMITS, accept });
await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ event: 'listening', port: listener.port }));
