import { Agent, request as http1Request, type IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';

/** Which HTTP a request is made over. */
export type HttpVersion = 'http1' | 'http2';

/** A request of a test. */
export interface TestRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without a body, `content-length` is left out. Several chunks: no length is announced unless a header does. */
  readonly body?: string | Uint8Array | readonly Uint8Array[];
  /** The body is left unfinished. */
  readonly open?: boolean;
}

/** The answer to a request, whole. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An answer that is still arriving. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it comes. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Goes away without a word. */
  abort(): void;
}

/** The body of an answer as JSON. */
export const jsonOf = (answer: TestAnswer): unknown => JSON.parse(answer.body.toString('utf8'));

/** A client of one server, over both versions of HTTP. */
export class TestClient {
  readonly #ports: Readonly<Record<HttpVersion, number>>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #session: ClientHttp2Session | undefined;

  constructor(ports: Readonly<Record<HttpVersion, number>>) {
    this.#ports = ports;
  }

  /** Sends a request and waits for the whole answer. */
  async ask(version: HttpVersion, request: TestRequest): Promise<TestAnswer> {
    const open = await this.open(version, request);
    const chunks: Uint8Array[] = [];
    for await (const chunk of open.chunks) chunks.push(chunk);
    return { status: open.status, headers: open.headers, body: Buffer.concat(chunks) };
  }

  /** Sends a request and waits for the head of the answer. */
  open(version: HttpVersion, request: TestRequest): Promise<OpenAnswer> {
    return version === 'http1' ? this.#open1(request) : this.#open2(request);
  }

  /** Starts a request and returns what gives it up. */
  start(version: HttpVersion, request: TestRequest): { readonly answer: Promise<OpenAnswer>; abort(): void } {
    const { port, agent } = { port: this.#ports[version], agent: this.#agent };
    const chunks = chunksOf(request);
    if (version === 'http1') {
      const outgoing = http1Request({ port, host: '127.0.0.1', agent, ...http1Options(request) });
      const answer = new Promise<OpenAnswer>((resolve, reject) => {
        outgoing.on('response', (incoming) => resolve(openAnswer1(incoming, () => outgoing.destroy())));
        outgoing.on('error', reject);
      });
      for (const chunk of chunks) outgoing.write(chunk);
      if (request.open !== true) outgoing.end();
      return { answer, abort: () => outgoing.destroy() };
    }
    const stream = this.#http2().request(
      { ':method': request.method ?? 'GET', ':path': request.path, ...lengthOf(request), ...request.headers },
      { endStream: chunks.length === 0 },
    );
    const answer = new Promise<OpenAnswer>((resolve, reject) => {
      stream.on('response', (headers) => {
        const { ':status': status = 0, ...fields } = headers;
        resolve({ status, headers: flat(fields), chunks: stream, abort: () => stream.close(8) });
      });
      stream.on('error', reject);
      stream.on('close', () => reject(new Error('the stream was closed without an answer')));
    });
    for (const chunk of chunks) stream.write(chunk);
    if (chunks.length > 0 && request.open !== true) stream.end();
    return { answer, abort: () => stream.close(8) };
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
  }

  #open1(request: TestRequest): Promise<OpenAnswer> {
    return this.start('http1', request).answer;
  }

  #open2(request: TestRequest): Promise<OpenAnswer> {
    return this.start('http2', request).answer;
  }

  #http2(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      // The tests send many large bodies at once, which Node counts as memory of the session.
      this.#session = connect(`http://127.0.0.1:${this.#ports.http2}`, { maxSessionMemory: 1000 });
      this.#session.on('error', () => undefined);
    }
    return this.#session;
  }
}

function chunksOf({ body }: TestRequest): readonly Uint8Array[] {
  if (body === undefined) return [];
  if (typeof body === 'string') return [Buffer.from(body)];
  return body instanceof Uint8Array ? [body] : body;
}

function lengthOf(request: TestRequest): Record<string, string> {
  const { body } = request;
  if (body === undefined || (typeof body !== 'string' && !(body instanceof Uint8Array))) return {};
  return { 'content-length': String(Buffer.byteLength(body)) };
}

function http1Options(request: TestRequest): { method: string; path: string; headers: Record<string, string> } {
  return { method: request.method ?? 'GET', path: request.path, headers: { ...lengthOf(request), ...request.headers } };
}

function openAnswer1(incoming: IncomingMessage, abort: () => void): OpenAnswer {
  return { status: incoming.statusCode ?? 0, headers: flat(incoming.headers), chunks: incoming, abort };
}

function flat(headers: Readonly<Record<string, string | string[] | number | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
