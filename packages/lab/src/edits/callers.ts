import { Agent, type IncomingMessage, request } from 'node:http';
import { requestBody } from '../chaos/index.ts';
import { ENDPOINT, VARIANTS } from './endpoint.ts';

/** What one call saw. */
export interface SeenAnswer {
  /** Just before the call was sent, on this process's clock. */
  readonly sentMs: number;
  readonly entry: string;
  readonly revision: number;
  readonly variant: string;
  /** Whether the answer is that of the variant's own model. */
  readonly isRight: boolean;
  /** Since when the node may decide by an outdated policy; `null`: it does not say so. */
  readonly staleSince: string | null;
}

/** Clients that call the endpoint without a pause, each on a connection of its own to one of the nodes, and ask every answer where it comes from. */
export class Callers implements AsyncDisposable {
  readonly seen: SeenAnswer[] = [];
  readonly failed: string[] = [];
  #ends = false;
  readonly #lanes: Promise<void>[];

  /** @param entries `host:port` of the nodes, in turn */
  constructor(clients: number, entries: readonly string[]) {
    this.#lanes = Array.from({ length: clients }, (_, at) => this.#lane(entries[at % entries.length] ?? '', at));
  }

  /** Resolves when every client had its last answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ends = true;
    await Promise.all(this.#lanes);
  }

  async #lane(entry: string, client: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let call = 0; !this.#ends; call++) {
      try {
        this.seen.push(await callOnce(agent, entry, `${client}-${call}`));
      } catch (error) {
        this.failed.push(error instanceof Error ? error.message : String(error));
      }
    }
    agent.destroy();
  }
}

/** One call, and what it saw. */
export async function callOnce(agent: Agent, entry: string, id: string): Promise<SeenAnswer> {
  const body = requestBody(id);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'mm-explain': 'true' };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sentMs = performance.now();
  const sending = request(`http://${entry}/v2/models/${ENDPOINT}/infer`, { method: 'POST', headers, agent }, resolve);
  sending.on('error', reject);
  sending.end(body);
  const response = await promise;
  const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString();
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${text}`);
  const field = (name: string): string => String(response.headers[name] ?? '');
  const variant = field('mm-variant');
  const number = (JSON.parse(text) as { readonly outputs?: readonly { readonly data: readonly number[] }[] }).outputs?.[0]
    ?.data[0];
  return {
    sentMs,
    entry,
    revision: Number(field('mm-revision')),
    variant,
    isRight: VARIANTS.some((one) => one.name === variant && one.number === number),
    staleSince: field('mm-stale-policy') || null,
  };
}
