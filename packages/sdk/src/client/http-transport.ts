import { type IncomingMessage, Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest, Agent as TlsAgent } from 'node:https';
import { MeshError } from '@modelmesh/core';
import type { ClientTls } from '@modelmesh/grpc/stream';
import { isErrorKind, kindOfHttpStatus } from '@modelmesh/wire/status';
import type { ServerAddress } from './server-address.ts';

/** The largest answer that is read into memory. */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** One request. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal | undefined;
}

/** One answer of success, its body read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** HTTP/1.1 to one server over connections that are kept. Fails with a `MeshError` for everything but success. */
export class HttpTransport {
  readonly #server: ServerAddress;
  readonly #agent: PlainAgent;

  constructor(server: ServerAddress, tls: ClientTls) {
    this.#server = server;
    this.#agent =
      server.scheme === 'https' ? new TlsAgent({ keepAlive: true, ...tlsOptions(tls) }) : new PlainAgent({ keepAlive: true });
  }

  /** Where requests go, for sentences. */
  get url(): string {
    return `${this.#server.scheme}://${this.#server.authority}`;
  }

  /**
   * Sends a request and reads the whole answer.
   *
   * @throws {MeshError} what the server says (its kind, else by the HTTP status), `unavailable` without a connection, `cancelled`
   */
  async call(request: HttpRequest): Promise<HttpAnswer> {
    const response = await this.open(request);
    return { status: response.statusCode ?? 0, headers: response.headers, body: await readBody(response) };
  }

  /** Sends a request and gives the answer while it comes. @throws as {@link call}. */
  async open(request: HttpRequest): Promise<IncomingMessage> {
    const response = await this.#send(request);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw errorOf(status, (await readBody(response)).toString());
  }

  /** Ends kept connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send({ method, path, headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
    const { scheme, host, port, authority } = this.#server;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const options: RequestOptions = {
      host,
      port,
      method,
      path,
      agent: this.#agent,
      headers: { host: authority, ...length, ...headers },
      ...(signal === undefined ? {} : { signal }),
    };
    return new Promise((resolve, reject) => {
      const sent = scheme === 'https' ? secureRequest(options, resolve) : plainRequest(options, resolve);
      sent.on('error', (error) => reject(this.#failure(error)));
      sent.end(body);
    });
  }

  #failure(error: Error): MeshError {
    if (error.name === 'AbortError') return new MeshError('cancelled', 'the request was cancelled', { cause: error });
    const code = 'code' in error ? String(error.code) : '';
    const why = error.message === '' ? code : error.message;
    return new MeshError('unavailable', `no answer from ${this.url}: ${why}`, { cause: error });
  }
}

const tlsOptions = ({ ca, cert, key, serverName }: ClientTls) => ({
  ...(ca === undefined ? {} : { ca: [...ca] }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(serverName === undefined ? {} : { servername: serverName }),
});

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += (chunk as Buffer).length;
      if (length > ANSWER_BYTES_MAX) throw new MeshError('too-large', `the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw new MeshError('unavailable', 'the connection was lost before the answer was complete', { cause: error });
  }
  return Buffer.concat(chunks);
}

/** An error of the management API has a kind; one of inference only its text. */
function errorOf(status: number, body: string): MeshError {
  const { error, kind } = parsedError(body);
  const text = typeof error === 'string' ? error : `HTTP status ${status}`;
  return new MeshError(typeof kind === 'string' && isErrorKind(kind) ? kind : kindOfHttpStatus(status), text);
}

function parsedError(body: string): { readonly error?: unknown; readonly kind?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
