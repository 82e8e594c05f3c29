import { createServer, type Server } from 'node:net';
import { frameMessage, MessageAssembler } from '@modelmesh/grpc/framing';
import {
  type AcceptStream,
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ServerConnection,
} from '@modelmesh/grpc/stream';
import { encodeInferResponse, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { systemClock } from '../../../node/index.ts';

/** How a model answers: to the first message of the request, with messages and a gRPC code. `hold`: not before the test says so. */
export interface Behaviour {
  readonly answer: (request: Uint8Array) => readonly Uint8Array[];
  readonly code?: number;
  readonly hold?: boolean;
}

const HEAD = [':status', '200', 'content-type', 'application/grpc'];

/** A `ModelInferResponse` with one output of doubles. */
export const scores = (values: readonly number[]): Uint8Array => {
  const data = new Uint8Array(Float64Array.from(values).buffer);
  const output = { name: 'scores', datatype: 'FP64', shape: [1, values.length], parameters: NO_PARAMETERS, data } as const;
  const head = { modelName: 'm', modelVersion: '', id: '', parameters: NO_PARAMETERS };
  return Buffer.concat(encodeInferResponse({ ...head, outputs: [output] }));
};

/** A runtime whose models answer as the test wants. */
export class ScoringRuntime {
  readonly behaviours = new Map<string, Behaviour>();
  /** Calls as they came: the model, and the header block. */
  readonly seen: { readonly model: string; readonly headers: HeaderBlock; readonly bytes: number }[] = [];
  /** Calls that are held, oldest first. */
  readonly held: (() => void)[] = [];
  /** Calls that were given up. */
  cancelled = 0;
  onHeld: () => void = () => {};
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();

  constructor() {
    const engine = createFrameEngine({ clock: systemClock, poison: true });
    const info = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
    this.#server = createServer((socket) => {
      const connection = engine.serve(socket, info, DEFAULT_STREAM_LIMITS, this.#accept);
      this.#connections.add(connection);
      connection.onClose = () => this.#connections.delete(connection);
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  readonly #accept: AcceptStream = (_stream, headers, ended) => {
    const model = Buffer.from(headers.get('mm-model-id-bin') ?? '', 'base64').toString();
    const messages: Uint8Array[] = [];
    const assembler = new MessageAssembler(64 * 1024 * 1024, (bytes) => messages.push(bytes));
    let bytes = 0;
    let isOver = false;
    const finish = (to: ByteStream): void => {
      isOver = true;
      this.seen.push({ model, headers, bytes });
      const { answer, code = 0, hold = false } = this.behaviours.get(model) ?? { answer: () => [], code: 5 };
      const respond = (): void => {
        if (code !== 0) {
          to.sendHeaders(headerBlock([...HEAD, 'grpc-status', String(code)]), true);
          return;
        }
        to.sendHeaders(headerBlock(HEAD), false);
        for (const message of answer(messages[0] ?? new Uint8Array()))
          for (const chunk of frameMessage([message])) to.sendData(chunk, false);
        to.sendTrailers(headerBlock(['grpc-status', '0']));
      };
      if (!hold) respond();
      else {
        this.held.push(respond);
        this.onHeld();
      }
    };
    if (ended) finish(_stream);
    return {
      onHeaders: () => {},
      onData: (to, chunk, end) => {
        bytes += chunk.length;
        assembler.push(chunk);
        to.consume(chunk.length);
        if (end && !isOver) finish(to);
      },
      onTrailers: (to) => finish(to),
      onReset: () => {
        this.cancelled += 1;
      },
      onWritable: () => {},
      onClosed: () => {},
    };
  };
}
