import { type IncomingHttpHeaders, request as openRequest } from 'node:http';
import { connect } from 'node:http2';
import { frameMessage } from '../../framing/index.ts';

/** An answer in gRPC-Web, read. */
export interface WebAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly messages: readonly string[];
  /** The trailers of the last frame, or of the headers where there is no body. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** One request in gRPC-Web. */
export interface WebRequest {
  readonly port: number;
  readonly path: string;
  readonly messages: readonly string[];
  readonly text?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const bodyOf = ({ messages, text = false }: WebRequest): Buffer => {
  const frames = messages.flatMap((message) => frameMessage([Buffer.from(message)]));
  // Each frame by itself: padding stands in the middle of the body.
  return text ? Buffer.from(frames.map((frame) => Buffer.from(frame).toString('base64')).join('')) : Buffer.concat(frames);
};

const headersOf = ({ text = false, headers }: WebRequest) => ({
  'content-type': text ? 'application/grpc-web-text' : 'application/grpc-web+proto',
  'x-grpc-web': '1',
  'x-user-agent': 'grpc-web-test/1',
  ...headers,
});

/** Sends a request over HTTP/1.1. */
export function askHttp1(asked: WebRequest): Promise<WebAnswer> {
  return new Promise((resolve, reject) => {
    const { port, path } = asked;
    const request = openRequest({ host: '127.0.0.1', port, path, method: 'POST', headers: headersOf(asked) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(readAnswer(response.statusCode ?? 0, response.headers, Buffer.concat(chunks))));
    });
    request.on('error', reject);
    request.end(bodyOf(asked));
  });
}

/** Sends a request over HTTP/2 on a connection of its own. */
export function askHttp2(asked: WebRequest): Promise<WebAnswer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${asked.port}`);
    const stream = session.request({ ':method': 'POST', ':path': asked.path, ...headersOf(asked) });
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
    session.on('error', reject);
    stream.on('error', reject);
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      session.close();
      resolve(readAnswer(headers[':status'] ?? 0, headers, Buffer.concat(chunks)));
    });
    stream.end(bodyOf(asked));
  });
}

function readAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer): WebAnswer {
  const isText = String(headers['content-type']).includes('-text');
  // Padding ends a chunk that was encoded by itself.
  const chunks = body.toString('latin1').match(/[^=]+={0,2}/g) ?? [];
  const bytes = isText ? Buffer.concat(chunks.map((chunk) => Buffer.from(chunk, 'base64'))) : body;
  const messages: string[] = [];
  const trailers: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const content = bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1));
    if (bytes[at] === 0x80) Object.assign(trailers, linesOf(content.toString('latin1')));
    else messages.push(content.toString());
    at += 5 + content.length;
  }
  const own = ['grpc-status', 'grpc-message'].flatMap((name) =>
    headers[name] === undefined ? [] : [[name, String(headers[name])]],
  );
  return { status, headers, messages, trailers: { ...Object.fromEntries(own), ...trailers } };
}

function linesOf(block: string): Record<string, string> {
  const lines = block.split('\r\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}
