import http2, {
  type ClientHttp2Stream,
  constants,
  type Http2Session,
  type Http2Stream,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect } from 'node:net';
import { type HeardEnd, Note, Notebook } from './heard.ts';
import { type Call, type Message, pieceOf } from './program.ts';
import { INDEX_FIELD, type MakeClient, type MakeServer } from './speak.ts';

/** What `node:http2` may be told beside the conversation. */
export interface NodeEndOptions {
  /** `constants.PADDING_STRATEGY_*`; none unless given. */
  readonly padding?: number;
  /** Settings of the connection. */
  readonly settings?: http2.Settings;
}

const SENSITIVE = http2.sensitiveHeaders;
const LIST_BYTES_MAX = 131_072;

function sessionOptions({ padding, settings }: NodeEndOptions): http2.SessionOptions {
  return {
    maxSendHeaderBlockLength: LIST_BYTES_MAX,
    settings: { maxHeaderListSize: LIST_BYTES_MAX, ...settings },
    ...(padding === undefined ? {} : { paddingStrategy: padding }),
  };
}

function headersOf({ fields, sensitive }: Message, more: Readonly<Record<string, string>>): http2.OutgoingHttpHeaders {
  const headers: http2.OutgoingHttpHeaders = { ...more };
  for (let at = 0; at < fields.length; at += 2) headers[fields[at] ?? ''] = fields[at + 1] ?? '';
  headers[SENSITIVE as unknown as string] = [...sensitive];
  return headers;
}

/** Writes body and trailers of a message. */
async function send(stream: Http2Stream, message: Message, index: number): Promise<void> {
  const { pieces, trailers } = message;
  if (trailers !== undefined) {
    stream.on('wantTrailers', () => {
      const fields: Record<string, string> = {};
      for (let at = 0; at < trailers.length; at += 2) fields[trailers[at] ?? ''] = trailers[at + 1] ?? '';
      stream.sendTrailers(fields);
    });
  }
  let offset = 0;
  for (const size of pieces) {
    if (size > 0 && !stream.write(pieceOf(index, offset, size))) {
      await new Promise<void>((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
      });
    }
    offset += size;
    if (stream.destroyed) return;
  }
  stream.end();
}

/** Notes what one side hears of a call until it is over. */
function listen(stream: Http2Stream, note: Note, isPaused: boolean, over: (end: HeardEnd) => void, ended: () => void): void {
  stream.on('trailers', (_headers: unknown, _flags: number, raw: string[] = []) => {
    note.trailers = raw;
  });
  stream.on('end', () => {
    note.ended = true;
    ended();
  });
  stream.on('error', () => undefined);
  stream.on('close', () => {
    const code = stream.rstCode ?? 0;
    over(code === constants.NGHTTP2_NO_ERROR ? 'closed' : { resetCode: code });
  });
  const read = (): void => {
    stream.on('data', (bytes: Buffer) => note.data(bytes));
  };
  // Long enough for the window to close: two turns of the loop after the headers are enough on a loopback, and nothing is wrong if they are not.
  if (isPaused) setImmediate(() => setImmediate(read));
  else read();
}

function answer(stream: ServerHttp2Stream, call: Call, index: number): void {
  const { end, status, answer: message } = call;
  if (stream.destroyed) return;
  if (end.kind === 'server-reset') {
    stream.close(end.code);
    return;
  }
  const isBare = status === 204 || (message.pieces.length === 0 && message.trailers === undefined);
  const waitForTrailers = !isBare && message.trailers !== undefined;
  // Node knows `sendDate`, and its declarations do not.
  const options = { endStream: isBare, waitForTrailers, sendDate: false };
  stream.respond(headersOf(message, { ':status': String(status) }), options);
  if (!isBare) void send(stream, message, index);
}

/** A server of `node:http2`. */
export const nodeServer =
  (options: NodeEndOptions = {}): MakeServer =>
  (server, { calls }) => {
    const notebook = new Notebook(calls.length);
    const sessions: Http2Session[] = [];
    server.on('connection', (socket) => {
      const session = http2.performServerHandshake(socket, sessionOptions(options));
      sessions.push(session);
      session.on('error', () => undefined);
      session.on('stream', (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders, _flags: number, raw: string[]) => {
        const index = Number(headers[INDEX_FIELD]);
        const call = calls[index];
        if (call === undefined) throw new Error(`there is no call ${index}`);
        const note = new Note();
        note.fields = raw;
        listen(
          stream,
          note,
          call.pauses.server,
          (end) => notebook.over(index, note, end),
          () => answer(stream, call, index),
        );
      });
    });
    return {
      heard: notebook.all,
      close: () => {
        for (const session of sessions) session.destroy();
      },
    };
  };

/** A client of `node:http2`. */
export const nodeClient =
  (options: NodeEndOptions = {}): MakeClient =>
  (port, { calls }) => {
    const notebook = new Notebook(calls.length);
    const socket = connect({ host: '127.0.0.1', port });
    const session = http2.connect('http://test', { ...sessionOptions(options), createConnection: () => socket });
    session.on('error', () => undefined);
    session.on('connect', () => {
      for (const [index, call] of calls.entries()) ask(session.request.bind(session), index, call, notebook);
    });
    return { heard: notebook.all, close: () => session.destroy() };
  };

function ask(
  request: (headers: http2.OutgoingHttpHeaders, options: http2.ClientSessionRequestOptions) => ClientHttp2Stream,
  index: number,
  call: Call,
  notebook: Notebook,
): void {
  const { method, request: message } = call;
  const pseudo = { ':method': method, ':scheme': 'http', ':path': `/call/${index}`, ':authority': 'test' };
  const isBare = message.pieces.length === 0 && message.trailers === undefined;
  const headers = headersOf(message, { ...pseudo, [INDEX_FIELD]: String(index) });
  const stream = request(headers, { endStream: isBare, waitForTrailers: !isBare && message.trailers !== undefined });
  const note = new Note();
  const over = (end: HeardEnd): void => notebook.over(index, note, end);
  stream.on('response', (_headers: unknown, _flags: number, raw: string[] = []) => {
    note.fields = raw;
    if (call.end.kind === 'client-reset') stream.close(call.end.code);
  });
  listen(stream, note, call.pauses.client, over, () => undefined);
  if (!isBare) void send(stream, message, index);
}
