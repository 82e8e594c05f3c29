import { connect, type Socket } from 'node:net';
import { LoadBudget, type LoadEnd } from './load-end.ts';
import { LoadResult } from './load-result.ts';
import { ResponseReader } from './response-reader.ts';

/** One HTTP/1.1 request as its bytes. */
export interface HttpRequest {
  readonly bytes: Uint8Array;
  /** Whether the answer's body is right; unless given, every 200 is. */
  readonly accepts?: (body: Buffer) => boolean;
}

/** What an HTTP/1.1 load consists of: one call at a time on each connection. */
export interface HttpLoadPlan {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly end: LoadEnd;
  /** The next request of a lane; lanes are numbered from 0. */
  readonly next: (lane: number) => HttpRequest;
}

/** Makes a POST with its length, on a connection that is kept. */
export function httpRequest(
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  accepts?: (body: Buffer) => boolean,
): HttpRequest {
  const all = { host: 'localhost', 'content-type': 'application/json', ...headers, 'content-length': String(body.byteLength) };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`), body]);
  return { bytes, ...(accepts === undefined ? {} : { accepts }) };
}

/** Runs a closed load on plain sockets: each lane sends its next request when the one before was answered. */
export async function runHttpLoad(plan: HttpLoadPlan): Promise<LoadResult> {
  const budget = new LoadBudget(plan.end);
  const result = new LoadResult();
  await Promise.all(Array.from({ length: plan.connections }, (_, lane) => new HttpLane(plan, lane, budget, result).run()));
  result.elapsedMs = performance.now() - budget.beganMs;
  result.driverCpuMs = budget.cpuMs();
  return result;
}

class HttpLane {
  readonly #plan: HttpLoadPlan;
  readonly #number: number;
  readonly #budget: LoadBudget;
  readonly #result: LoadResult;
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  readonly #over = Promise.withResolvers<void>();
  #request: HttpRequest | undefined;
  #beganMs = 0;

  constructor(plan: HttpLoadPlan, number: number, budget: LoadBudget, result: LoadResult) {
    this.#plan = plan;
    this.#number = number;
    this.#budget = budget;
    this.#result = result;
    this.#reader = new ResponseReader((status, body) => this.#answered(status, body));
    this.#socket = connect({ host: plan.host, port: plan.port, noDelay: true });
  }

  run(): Promise<void> {
    this.#socket.on('connect', () => this.#send());
    this.#socket.on('data', (bytes: Buffer) => this.#reader.push(bytes));
    this.#socket.on('error', (error) => this.#result.fail(error.message));
    this.#socket.on('close', () => {
      if (this.#request !== undefined) this.#result.fail('the connection was closed before the answer');
      this.#over.resolve();
    });
    return this.#over.promise;
  }

  #send(): void {
    if (!this.#budget.takes()) {
      this.#request = undefined;
      this.#socket.end();
      return;
    }
    this.#request = this.#plan.next(this.#number);
    this.#beganMs = performance.now();
    this.#socket.write(this.#request.bytes);
  }

  #answered(status: number, body: Buffer): void {
    if (status !== 200) this.#result.fail(`status ${status}: ${body.toString('utf8', 0, 200)}`);
    else if (this.#request?.accepts?.(body) === false) this.#result.wrong += 1;
    else this.#result.latency.recordMs(performance.now() - this.#beganMs);
    this.#send();
  }
}
