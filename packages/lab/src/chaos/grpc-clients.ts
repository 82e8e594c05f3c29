import * as grpc from '@grpc/grpc-js';
import { echoOf, type FleetModel, isAnswer, requestBytes } from './fleet.ts';
import type { CallKind, Failure } from './outcome.ts';

/** What a client heard of one call. */
export type Heard =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Milliseconds of a call's deadline: nothing may hang. */
const DEADLINE_MS = 60_000;
const INFER_PATH = '/inference.GRPCInferenceService/ModelInfer';
const STREAM_PATH = '/lab.Echo/Talk';
/** What grpc-js says by itself when it has no connection or loses it. A status of a node reads otherwise. */
const OWN_WORDS = /^(Connection dropped|No connection established|Keepalive timeout|(connect|read|write) E[A-Z]+)/;
const SERVICE_CONFIG = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

const same = (bytes: Buffer): Buffer => bytes;

/** How soon a silent connection is found out. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 1000, 'grpc.keepalive_timeout_ms': 2000 } as const;

/**
 * grpc-js as its users have it: channels that go round robin over all nodes. Without a retry policy it repeats, once, what a node refused unseen,
 * and nothing that a node may have seen.
 *
 * Only where a node may fall silent do they ask every second whether their connections live. Over one that said goodbye grpc-js can ask no more,
 * takes that for a loss, and ends the calls that the node would answer (grpc/grpc-node#3068): where nodes end in peace it must not ask.
 */
export class GrpcClients implements Disposable {
  readonly #clients: readonly grpc.Client[];

  /** Makes `channels` of their own connections to all `addresses`, each host:port. `keepalive`: they ask whether these live. */
  constructor(addresses: readonly string[], channels: number, keepalive: boolean) {
    this.#clients = Array.from(
      { length: channels },
      () =>
        new grpc.Client(`ipv4:${addresses.join(',')}`, grpc.credentials.createInsecure(), {
          'grpc.use_local_subchannel_pool': 1,
          'grpc.service_config': SERVICE_CONFIG,
          ...(keepalive ? KEEPALIVE : {}),
          'grpc.initial_reconnect_backoff_ms': 200,
          'grpc.max_reconnect_backoff_ms': 1000,
        }),
    );
  }

  /** Makes one call on the channel of a lane. */
  call(kind: Exclude<CallKind, 'rest'>, lane: number, model: FleetModel, id: string): Promise<Heard> {
    const client = this.#clients[lane % this.#clients.length];
    if (client === undefined) throw new Error('there are no channels');
    return kind === 'stream' ? talk(client, model, id) : infer(client, kind, model, id);
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }
}

const options = (): grpc.CallOptions => ({ deadline: Date.now() + DEADLINE_MS });

function infer(client: grpc.Client, kind: 'unary' | 'never', model: FleetModel, id: string): Promise<Heard> {
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const metadata = new grpc.Metadata();
  if (kind === 'never') metadata.set('mm-retry', 'never');
  const request = requestBytes(model, id);
  const call = client.makeUnaryRequest(INFER_PATH, same, same, request, metadata, options(), (error, answer) => {
    if (error !== null) resolve(failed(error, call.getPeer()));
    else resolve({ kind: answer !== undefined && isAnswer(answer, model, id) ? 'right' : 'wrong' });
  });
  return promise;
}

/** Two messages, the second after the answer of the first. */
function talk(client: grpc.Client, model: FleetModel, id: string): Promise<Heard> {
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const metadata = new grpc.Metadata();
  metadata.set('mm-model-id', model.key);
  const messages = [requestBytes(model, id), requestBytes(model, `${id}-second`)];
  const answers: Buffer[] = [];
  const call = client.makeBidiStreamRequest(STREAM_PATH, same, same, metadata, options());
  const next = (): void => {
    const message = messages[answers.length];
    if (message === undefined) call.end();
    else call.write(message);
  };
  call.on('data', (answer: Buffer) => {
    answers.push(answer);
    next();
  });
  // Its status comes too.
  call.on('error', () => {});
  call.on('status', (status: grpc.StatusObject) => {
    if (status.code !== grpc.status.OK) resolve(failed(status, call.getPeer()));
    else resolve({ kind: messages.every((message, at) => answers[at]?.equals(echoOf(message, model))) ? 'right' : 'wrong' });
  });
  next();
  return promise;
}

function failed({ code, details }: Pick<grpc.StatusObject, 'code' | 'details'>, peer: string): Heard {
  const isConnection = code === grpc.status.UNAVAILABLE && OWN_WORDS.test(details);
  return { kind: 'failed', failure: { isConnection, text: `${grpc.status[code]}: ${details}`, entry: peer } };
}
