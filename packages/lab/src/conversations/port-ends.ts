import {
  type ByteStream,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ResetCause,
  type StreamEngine,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { type HeardEnd, Note, Notebook } from './heard.ts';
import { type Call, type Message, pieceOf } from './program.ts';
import { INDEX_FIELD, type MakeClient, type MakeServer } from './speak.ts';

/** Header lists of a conversation may be longer than a frame. */
const LIMITS = { ...DEFAULT_STREAM_LIMITS, headerListBytesMax: 131_072 };

function endOf(cause: ResetCause): HeardEnd {
  switch (cause.kind) {
    case 'peer-reset':
    case 'local-reset':
      return { resetCode: cause.code };
    case 'unprocessed':
      return { resetCode: 7 };
    default:
      return { lost: JSON.stringify(cause) };
  }
}

/** Sends a message behind its head, piece by piece as the stream takes them. */
class Sending {
  readonly #stream: ByteStream;
  readonly #message: Message;
  readonly #index: number;
  #at = 0;
  #offset = 0;

  constructor(stream: ByteStream, message: Message, index: number) {
    this.#stream = stream;
    this.#message = message;
    this.#index = index;
  }

  /** Goes on until it is done or told to stop. */
  go(): void {
    const { pieces, trailers } = this.#message;
    while (this.#at < pieces.length) {
      const size = pieces[this.#at] ?? 0;
      const bytes = pieceOf(this.#index, this.#offset, size);
      this.#at += 1;
      this.#offset += size;
      const isLast = this.#at === pieces.length && trailers === undefined;
      if (!this.#stream.sendData(bytes, isLast) && !isLast) return;
      if (isLast) return;
    }
    if (this.#at > pieces.length) return;
    this.#at += 1;
    if (trailers !== undefined) this.#stream.sendTrailers(headerBlock([...trailers]));
    else if (pieces.length === 0) this.#stream.sendData(new Uint8Array(0), true);
  }
}

/** One side of a call on the stream port. */
abstract class Side implements StreamHandler {
  readonly index: number;
  readonly call: Call;
  protected readonly note = new Note();
  readonly #notebook: Notebook;
  #isPaused: boolean;
  #unread = 0;
  protected sending: Sending | undefined = undefined;

  constructor(index: number, call: Call, isPaused: boolean, notebook: Notebook) {
    this.index = index;
    this.call = call;
    this.#isPaused = isPaused;
    this.#notebook = notebook;
  }

  abstract onHeaders(stream: ByteStream, headers: HeaderBlock, end: boolean): void;

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    this.note.data(bytes);
    if (this.#isPaused) {
      this.#unread += bytes.byteLength;
      // Half a window is more than an engine credits by itself.
      if (this.#unread * 2 >= LIMITS.streamWindowBytes || end) {
        this.#isPaused = false;
        setImmediate(() => stream.consume(this.#unread));
      }
    } else stream.consume(bytes.byteLength);
    if (end) this.ended(stream);
  }

  onTrailers(stream: ByteStream, trailers: HeaderBlock): void {
    this.note.trailers = trailers.raw();
    this.ended(stream);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.#over(endOf(cause));
  }

  onWritable(): void {
    this.sending?.go();
  }

  onClosed(): void {
    this.#over('closed');
  }

  protected ended(_stream: ByteStream): void {
    this.note.ended = true;
  }

  #over(end: HeardEnd): void {
    this.#notebook.over(this.index, this.note, end);
  }
}

class ServerSide extends Side {
  onHeaders(): void {}

  /** The head of the request has come. */
  begin(stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    this.note.fields = headers.raw();
    if (end) setImmediate(() => this.ended(stream));
  }

  protected override ended(stream: ByteStream): void {
    super.ended(stream);
    const { end, status, answer } = this.call;
    if (end.kind === 'server-reset') {
      stream.reset(end.code);
      return;
    }
    const isBare = status === 204 || (answer.pieces.length === 0 && answer.trailers === undefined);
    stream.sendHeaders(headerBlock([':status', String(status), ...answer.fields]), isBare);
    if (isBare) return;
    this.sending = new Sending(stream, answer, this.index);
    this.sending.go();
  }
}

class ClientSide extends Side {
  begin(stream: ByteStream, sends: boolean): void {
    if (!sends) return;
    this.sending = new Sending(stream, this.call.request, this.index);
    this.sending.go();
  }

  onHeaders(stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    this.note.fields = headers.raw();
    if (this.call.end.kind === 'client-reset') stream.reset(this.call.end.code);
    else if (end) this.ended(stream);
  }
}

/** A server of `engine`. */
export const portServer =
  (engine: StreamEngine): MakeServer =>
  (server, { calls }) => {
    const notebook = new Notebook(calls.length);
    const closing: (() => void)[] = [];
    server.on('connection', (socket) => {
      const info = { remoteAddress: '127.0.0.1', encrypted: false, clientCertificate: undefined };
      const connection = engine.serve(socket, info, LIMITS, (stream, headers, end) => {
        const index = Number(headers.get(INDEX_FIELD));
        const call = calls[index];
        if (call === undefined) throw new Error(`there is no call ${index}`);
        const side = new ServerSide(index, call, call.pauses.server, notebook);
        side.begin(stream, headers, end);
        return side;
      });
      closing.push(() => connection.destroy());
    });
    return {
      heard: notebook.all,
      close: () => {
        for (const close of closing) close();
      },
    };
  };

/** A client of `engine`. */
export const portClient =
  (engine: StreamEngine): MakeClient =>
  (port, { calls }) => {
    const notebook = new Notebook(calls.length);
    const connection = engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, LIMITS);
    for (const [index, call] of calls.entries()) {
      const { method, request } = call;
      const side = new ClientSide(index, call, call.pauses.client, notebook);
      const isBare = request.pieces.length === 0 && request.trailers === undefined;
      const pseudo = [':method', method, ':scheme', 'http', ':path', `/call/${index}`, ':authority', 'test'];
      const stream = connection.open(headerBlock([...pseudo, INDEX_FIELD, String(index), ...request.fields]), isBare, side);
      side.begin(stream, !isBare);
    }
    return { heard: notebook.all, close: () => connection.close() };
  };
