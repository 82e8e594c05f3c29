import { Agent, request } from 'node:http';
import { type FleetModel, isAnswerBody, requestBody } from './fleet.ts';
import type { Heard } from './grpc-clients.ts';

/** After so long without an answer a client takes its connection for lost, in milliseconds: where a node may fall silent, and where none does. */
const SILENCE_MS = 3000;
const DEADLINE_MS = 60_000;
/** How long a client leaves a node alone whose connection it lost, in milliseconds. */
const LEFT_ALONE_MS = 5000;

/** What a node was given for a request. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A REST client with one connection to each node, used in turn. Where one is lost under a call it may use one other. */
export class RestClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #addresses: readonly string[];
  readonly #patienceMs: number;
  readonly #lostMs = new Map<string, number>();
  #turn: number;

  /** `turn`: the node it begins with. `mayBeSilent`: a node may stop answering; else one that takes long has its reason, as a runtime that starts. */
  constructor(addresses: readonly string[], turn: number, mayBeSilent: boolean) {
    this.#patienceMs = mayBeSilent ? SILENCE_MS : DEADLINE_MS;
    this.#addresses = addresses;
    this.#turn = turn;
  }

  /** The node whose turn it is, but none of which a connection was lost of late. */
  #entry(): string {
    for (let tried = 0; tried < this.#addresses.length; tried++) {
      const address = this.#addresses[this.#turn++ % this.#addresses.length] ?? '';
      const lostMs = this.#lostMs.get(address);
      if (lostMs === undefined || performance.now() - lostMs > LEFT_ALONE_MS) return address;
    }
    return this.#addresses[this.#turn++ % this.#addresses.length] ?? '';
  }

  /** Makes one call, on one connection. */
  async call(model: FleetModel, id: string): Promise<Heard> {
    const entry = this.#entry();
    try {
      const { status, body } = await this.#post(entry, `/v2/models/${model.key}/infer`, requestBody(id));
      if (status === 200) return { kind: isAnswerBody(body, model, id) ? 'right' : 'wrong' };
      return { kind: 'failed', failure: { isConnection: false, text: `${status}: ${body}`, entry } };
    } catch (error) {
      this.#lostMs.set(entry, performance.now());
      const text = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', failure: { isConnection: true, text, entry } };
    }
  }

  #post(entry: string, path: string, body: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sending = request(`http://${entry}${path}`, { method: 'POST', headers, agent: this.#agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    const patienceMs = this.#patienceMs;
    sending.setTimeout(patienceMs, () => sending.destroy(new Error(`no answer within ${patienceMs} ms`)));
    sending.on('error', reject);
    sending.end(body);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
