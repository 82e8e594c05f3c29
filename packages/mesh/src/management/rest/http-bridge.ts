import { type ClientRequest, type IncomingMessage, request as openRequest, type Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { MeshError } from '@modelmesh/core';
import {
  type ByteStream,
  type ConnectionInfo,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { errorAnswer } from './errors.ts';

/** Who is at the other end of the in-process connections, for the app that answers on them. */
export type BridgedPeers = WeakMap<Duplex, ConnectionInfo>;

/** Fields that belong to one connection of HTTP/1.1 and do not exist in HTTP/2; source: RFC 9113 §8.2.2. */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'host',
  'expect',
]);
const NO_BYTES = new Uint8Array(0);
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * One HTTP/2 stream answered by an HTTP/1.1 server of this process over a pair of in-process pipes. Bytes stream both ways with the
 * back-pressure of either side.
 */
export class BridgedStream implements StreamHandler {
  readonly #stream: ByteStream;
  readonly #headers: HeaderBlock;
  readonly #connect: () => Duplex;
  #request: ClientRequest | undefined = undefined;
  #response: IncomingMessage | undefined = undefined;
  #requestEnded: boolean;
  #over = false;
  /** Called when the request is complete or nobody waits for it any more. */
  onSettled: () => void = () => {};

  constructor(server: Server, peers: BridgedPeers, stream: ByteStream, headers: HeaderBlock, end: boolean, peer: ConnectionInfo) {
    this.#stream = stream;
    this.#headers = headers;
    this.#requestEnded = end;
    this.#connect = () => {
      const [ours, theirs] = duplexPair();
      // A pipe's end knows of the other's end, not of its destruction.
      ours.on('close', () => theirs.destroy());
      peers.set(theirs, peer);
      server.emit('connection', theirs);
      return ours;
    };
    // Otherwise the first data tells whether there is a body at all: an empty one is none.
    if (end) this.#begin(false)?.end();
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (this.#over) {
      stream.consume(bytes.byteLength);
      return;
    }
    const request = this.#request ?? this.#begin(bytes.byteLength > 0 || !end);
    if (request === undefined) stream.consume(bytes.byteLength);
    // The app keeps what it reads until the body is whole, the stream's bytes are lent: so a copy. Credit returns when it was taken.
    else if (bytes.byteLength > 0) request.write(Buffer.from(bytes), () => stream.consume(bytes.byteLength));
    if (end) this.#endRequest();
  }

  onTrailers(): void {
    this.#endRequest();
  }

  /** The rest of the request is not waited for. */
  giveUp(error: MeshError): void {
    if (this.#over || this.#requestEnded || this.#response !== undefined) return;
    this.#refuse(error);
    this.#request?.destroy();
  }

  onReset(): void {
    this.#over = true;
    this.onSettled();
    this.#request?.destroy();
  }

  onWritable(): void {
    this.#response?.resume();
  }

  onClosed(): void {
    this.onSettled();
  }

  #endRequest(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    this.onSettled();
    if (!this.#over) (this.#request ?? this.#begin(false))?.end();
  }

  /** `undefined` if HTTP/1.1 cannot say what was asked: that was answered then. */
  #begin(hasBody: boolean): ClientRequest | undefined {
    const method = this.#headers.get(':method') ?? 'GET';
    try {
      // A tunnel is nothing that the app could answer.
      if (method === 'CONNECT') throw new MeshError('method-not-allowed', 'CONNECT is not offered here');
      const path = this.#headers.get(':path') ?? '/';
      const fields = http1Fields(this.#headers, hasBody);
      const request = openRequest({ createConnection: this.#connect, method, path, headers: fields });
      request.on('response', (response) => this.#answer(response));
      request.on('error', () => this.#fail());
      this.#request = request;
      return request;
    } catch (error) {
      this.#refuse(error instanceof MeshError ? error : new MeshError('invalid-argument', notForHttp1(error)));
      return undefined;
    }
  }

  #refuse(error: MeshError): void {
    const { status, body } = errorAnswer(error);
    const bytes = Buffer.from(JSON.stringify(body));
    const fields = [':status', String(status), 'content-type', JSON_TYPE, 'content-length', String(bytes.length)];
    this.#over = true;
    this.#stream.sendHeaders(headerBlock(fields), false);
    this.#stream.sendData(bytes, true);
    if (!this.#requestEnded) this.#stream.reset(RESET_CODE.noError);
  }

  #answer(response: IncomingMessage): void {
    if (this.#over) return;
    this.#response = response;
    this.#stream.sendHeaders(http2Fields(response), false);
    response.on('data', (chunk: Buffer) => {
      if (!this.#over && !this.#stream.sendData(Buffer.from(chunk), false)) response.pause();
    });
    response.on('end', () => this.#finish());
    response.on('error', () => this.#fail());
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.sendData(NO_BYTES, true);
    if (this.#requestEnded) return;
    this.#stream.reset(RESET_CODE.noError);
    this.#request?.destroy();
  }

  /** The answer broke off; the app itself answers every error that it can. */
  #fail(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.reset(RESET_CODE.internalError);
  }
}

const notForHttp1 = (error: unknown): string =>
  `the request cannot be read: ${error instanceof Error ? error.message : 'its head is malformed'}`;

function http1Fields(headers: HeaderBlock, hasBody: boolean): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null);
  const raw = headers.raw();
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]];
    if (name.startsWith(':') || CONNECTION_FIELDS.has(name)) continue;
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    // HTTP/2 splits cookies for compression (RFC 9113 §8.2.3).
    else if (name === 'cookie') fields[name] = `${String(before)}; ${value}`;
    else fields[name] = [...(Array.isArray(before) ? before : [before]), value];
  }
  fields.host = headers.get(':authority') ?? headers.get('host') ?? 'localhost';
  if (hasBody && fields['content-length'] === undefined) fields['transfer-encoding'] = 'chunked';
  return fields;
}

function http2Fields(response: IncomingMessage): HeaderBlock {
  const fields = [':status', String(response.statusCode ?? 500)];
  const raw = response.rawHeaders;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (!CONNECTION_FIELDS.has(name)) fields.push(name, raw[at + 1] ?? '');
  }
  return headerBlock(fields);
}
