import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type SecureClientSessionOptions } from 'node:http2';

/** An answer in full. */
export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly status: number;
  readonly body: Buffer;
}

/** A unary call's answer: its status, and its one message if it has one. */
export interface GrpcAnswer {
  readonly status: string;
  readonly message: Buffer | undefined;
}

/** Bytes of the prefix of a gRPC message: no compression, and its length. */
const PREFIX_BYTES = 5;

/** One connection of `node:http2`, which knows nothing of our own engine: gRPC and REST on it, with TLS or by prior knowledge. */
export class Http2Connection implements Disposable {
  readonly session: ClientHttp2Session;

  /** @param url `https://…`, or `http://…` for cleartext */
  constructor(url: string, options: SecureClientSessionOptions = {}) {
    this.session = connect(url, options);
    // What goes wrong is seen at the requests.
    this.session.on('error', () => {});
  }

  /** One request. @throws why the connection or the stream ended before the answer was there */
  request(headers: Readonly<Record<string, string>>, body: string | Uint8Array = ''): Promise<Http2Answer> {
    return new Promise((resolve, reject) => {
      let received: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      const stream = this.session.request(headers, { endStream: false });
      this.session.once('error', reject);
      stream.on('response', (fields) => {
        received = fields;
      });
      stream.on('trailers', (fields) => {
        trailers = fields;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        this.session.off('error', reject);
        const status = Number(received[':status']);
        if (Number.isNaN(status)) reject(new Error('the stream ended without an answer'));
        else resolve({ headers: received, trailers, status, body: Buffer.concat(chunks) });
      });
      stream.end(body);
    });
  }

  get(path: string): Promise<Http2Answer> {
    return this.request({ ':path': path });
  }

  post(path: string, json: string): Promise<Http2Answer> {
    return this.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' }, json);
  }

  /** A unary call of gRPC; the message comes in slices. */
  async call(path: string, slices: readonly Uint8Array[], metadata: Readonly<Record<string, string>> = {}): Promise<GrpcAnswer> {
    const message = Buffer.concat(slices);
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    const own = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const { headers, trailers, body } = await this.request({ ...own, ...metadata }, Buffer.concat([prefix, message]));
    const status = trailers['grpc-status'] ?? headers['grpc-status'];
    return { status: String(status), message: body.length === 0 ? undefined : body.subarray(PREFIX_BYTES) };
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}
