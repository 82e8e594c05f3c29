import { request } from 'node:http';
import type { NodeProcess } from '../node-process/index.ts';
import { type AskOptions, askGrpc, type Outcome, rowBody } from './asking.ts';

/** Round trips after which a node has read whatever reached its sockets before. */
const ROUND_TRIPS = 5;

/** An answer of REST as it came. */
export interface RestAnswer {
  readonly status: number;
  readonly body: string;
}

/** Resolves when the node has taken what was sent to it before. */
export async function taken(node: NodeProcess): Promise<void> {
  for (let i = 0; i < ROUND_TRIPS; i++) await (await fetch(`${node.url}/v2/health/live`)).arrayBuffer();
}

/** A call that the node has taken and not answered. Wrapped, so that it is not awaited by accident. */
export interface InFlight<Answer> {
  readonly answer: Promise<Answer>;
}

/** Sends a POST and resolves as soon as the node has all of it, with the answer still to come. */
export async function sendPost(
  node: NodeProcess,
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<InFlight<RestAnswer>> {
  const answered = Promise.withResolvers<RestAnswer>();
  answered.promise.catch(() => {});
  const sent = Promise.withResolvers<void>();
  const length = String(Buffer.byteLength(body));
  const options = { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': length, ...headers } };
  const sending = request(`${node.url}${path}`, options, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => answered.resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    response.on('error', answered.reject);
  });
  sending.on('error', answered.reject);
  sending.end(body, () => sent.resolve());
  await Promise.race([sent.promise, answered.promise]);
  await taken(node);
  return { answer: answered.promise };
}

/** Asks a generated model over REST, and resolves once the node has taken the call. */
export async function askingRest(
  node: NodeProcess,
  model: string,
  headers: Record<string, string> = {},
): Promise<InFlight<Outcome>> {
  const { answer } = await sendPost(node, `/v2/models/${encodeURIComponent(model)}/infer`, rowBody(), headers);
  const outcome = async (): Promise<Outcome> => {
    const { status, body } = await answer;
    const read = JSON.parse(body) as { error?: string; outputs?: { data: number[] }[] };
    if (status === 200) return { kind: 'answer', values: read.outputs?.[0]?.data ?? [] };
    return { kind: 'refusal', code: String(status), message: read.error ?? '' };
  };
  return { answer: outcome() };
}

/** Asks a generated model over gRPC, and resolves once the node has taken the call. */
export async function askingGrpc(node: NodeProcess, model: string, options: AskOptions = {}): Promise<InFlight<Outcome>> {
  const answer = askGrpc(node, model, options);
  await taken(node);
  return { answer };
}
