import {
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  headerBlock,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { LoadBudget, LoadResult } from '../load/index.ts';

/** Many REST calls over HTTP/2. */
export interface RestLoadPlan {
  readonly connections: readonly ClientConnection[];
  readonly streamsPerConnection: number;
  readonly calls: number;
  readonly path: string;
  /** JSON, one after the other. */
  readonly bodies: readonly Uint8Array[];
}

/** Drives REST over HTTP/2: each lane asks again as soon as it has its answer. */
export async function runRestLoad(plan: RestLoadPlan): Promise<LoadResult> {
  const result = new LoadResult();
  const budget = new LoadBudget({ kind: 'calls', count: plan.calls });
  const began = performance.now();
  const lanes = plan.connections.flatMap((connection) =>
    Array.from({ length: plan.streamsPerConnection }, () => new Lane(connection, plan, budget, result).run()),
  );
  await Promise.all(lanes);
  result.elapsedMs = performance.now() - began;
  return result;
}

class Lane implements StreamHandler {
  readonly #connection: ClientConnection;
  readonly #plan: RestLoadPlan;
  readonly #budget: LoadBudget;
  readonly #result: LoadResult;
  readonly #done = Promise.withResolvers<void>();
  readonly #headers: HeaderBlock;
  #asked = 0;
  #beganMs = 0;
  #status: string | undefined;

  constructor(connection: ClientConnection, plan: RestLoadPlan, budget: LoadBudget, result: LoadResult) {
    this.#connection = connection;
    this.#plan = plan;
    this.#budget = budget;
    this.#result = result;
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', plan.path, ':authority', 'localhost'];
    this.#headers = headerBlock([...pseudo, 'content-type', 'application/json']);
  }

  run(): Promise<void> {
    this.#next();
    return this.#done.promise;
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock): void {
    this.#status = headers.get(':status');
  }
  onData(stream: ByteStream, bytes: Uint8Array): void {
    stream.consume(bytes.byteLength);
  }
  onTrailers(): void {}
  onWritable(): void {}
  onReset(): void {
    this.#result.fail('the stream was reset');
    this.#next();
  }
  onClosed(): void {
    if (this.#status === '200') this.#result.latency.recordMs(performance.now() - this.#beganMs);
    else this.#result.fail(`status ${this.#status}`);
    this.#next();
  }

  #next(): void {
    if (!this.#budget.takes()) {
      this.#done.resolve();
      return;
    }
    const { bodies } = this.#plan;
    const body = bodies[this.#asked % bodies.length] ?? new Uint8Array();
    this.#asked += 1;
    this.#status = undefined;
    this.#beganMs = performance.now();
    this.#connection.open(this.#headers, false, this).sendData(Uint8Array.from(body), true);
  }
}
