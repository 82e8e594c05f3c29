import { type Clock, type DurationMs, MeshError, type Revision } from '@modelmesh/core';
import { type CallOptions, GrpcClient, GrpcStatusError, type Method, protobufMethod } from '@modelmesh/grpc/call';
import type { ClientConnection, ConnectTarget, StreamEngine } from '@modelmesh/grpc/stream';
import { DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { type AnswerHeader, Auth, KV, Maintenance, type StatusResponse } from '@modelmesh/wire/etcd';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { type EtcdEndpoint, type EtcdPlace, endpointText } from '../etcd-place.ts';
import { evidenceOf, portError } from './answers.ts';
import { type EtcdKeys, revisionOf } from './etcd-keys.ts';
import { ANSWER_BYTES_MAX, BEAT_MS, MEMBER_TRY_MS } from './limits.ts';

const AUTHENTICATE = protobufMethod(Auth.method.authenticate);
const RANGE = protobufMethod(KV.method.range);
/** Only what reads or writes keys is answered from as far as the whole cluster has come. */
const KV_PATH = `/${KV.typeName}/`;
const STATUS = protobufMethod(Maintenance.method.status);

/** What connections to members are made of. */
export interface MemberParts {
  readonly engine: StreamEngine;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly place: EtcdPlace;
  readonly keys: EtcdKeys;
}

/** What the answers of all members have shown so far. A cluster that is older, or another one, must not be followed. */
export interface Seen {
  revision: Revision;
  clusterId: bigint | undefined;
}

/** An answer of etcd: its header tells revision and cluster. */
export interface Answer {
  readonly header?: AnswerHeader | undefined;
}

/** One connection to one member, from the moment it was found good until it is left. */
export class Member {
  readonly name: string;
  /** Aborts when the member is left; everything that goes on over it ends then. */
  readonly left: AbortSignal;
  readonly #leaving = new AbortController();
  readonly #connection: ClientConnection;
  readonly #client: GrpcClient;
  readonly #parts: MemberParts;
  readonly #seen: Seen;
  #token: string | undefined;
  #signingIn: Promise<void> | undefined;
  #whyLeft = '';

  private constructor(endpoint: EtcdEndpoint, parts: MemberParts, seen: Seen) {
    const { engine, clock, timers, place } = parts;
    this.name = endpointText(endpoint);
    this.left = this.#leaving.signal;
    this.#parts = parts;
    this.#seen = seen;
    const authority = place.authority ?? this.name;
    this.#connection = engine.connect(targetOf(endpoint, place), DEFAULT_STREAM_LIMITS);
    this.#client = new GrpcClient(this.#connection, {
      clock,
      timers,
      authority,
      scheme: place.tls === undefined ? 'http' : 'https',
      messageBytesMax: ANSWER_BYTES_MAX,
    });
  }

  /**
   * Connects, signs in, and shows by a linearizable read that the member is one of a cluster that can answer and is not behind what was
   * seen. Rejects with a `MeshError`: `failed-precondition` where another try will not help.
   */
  static async open(endpoint: EtcdEndpoint, parts: MemberParts, seen: Seen, signal: AbortSignal): Promise<Member> {
    const member = new Member(endpoint, parts, seen);
    const stop = (): void => member.leave('the registry was closed');
    signal.addEventListener('abort', stop, { once: true });
    try {
      await member.#begin();
      return member;
    } catch (error) {
      member.leave('it was not good');
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Why it was left. */
  get whyLeft(): string {
    return this.#whyLeft;
  }

  /** Fields that every call carries. */
  get headers(): readonly string[] {
    return this.#token === undefined ? [] : ['token', this.#token];
  }

  /** Makes one call. Rejects as the client does; an answer from behind what was seen rejects as `unavailable`, and the member is left. */
  async call<Request, RequestInit, Response extends Answer, ResponseInit>(
    method: Method<Request, RequestInit, Response, ResponseInit>,
    request: RequestInit,
    timeoutMs: DurationMs,
  ): Promise<Response> {
    const { revision: seen } = this.#seen;
    const answer = await this.#client.call(method, request, { timeoutMs, headers: this.headers });
    this.#look(answer.header, method.path.startsWith(KV_PATH) ? seen : undefined);
    return answer;
  }

  /** Begins a stream of requests and answers; it ends with the member at the latest. */
  exchange<Request, RequestInit, Response, ResponseInit>(
    method: Method<Request, RequestInit, Response, ResponseInit>,
    requests: AsyncIterable<RequestInit>,
    options: CallOptions,
  ): AsyncIterableIterator<Response> {
    // A member without a leader would be silent: it is to end the stream instead.
    return this.#client.exchange(method, requests, { ...options, headers: [...this.headers, 'hasleader', 'true'] });
  }

  /** What the member says of itself; its revision may be older than what was seen, since it answers alone. */
  status(): Promise<StatusResponse> {
    return this.#client.call(STATUS, {}, { timeoutMs: BEAT_MS, headers: this.headers });
  }

  /** Gets a new token; calls that come meanwhile share it. Nothing to do for a node without a user. */
  signIn(): Promise<void> {
    this.#signingIn ??= this.#signIn().finally(() => {
      this.#signingIn = undefined;
    });
    return this.#signingIn;
  }

  /** Ends the connection; what is on its way is lost. Again: nothing. */
  leave(why: string): void {
    if (this.left.aborted) return;
    this.#whyLeft = why;
    this.#leaving.abort(new MeshError('unavailable', `etcd member ${this.name} was left: ${why}`));
    this.#connection.close();
  }

  async #begin(): Promise<void> {
    this.#connection.onState = (state) => {
      // The engine would connect again by itself; but a new connection has to show anew that it is good.
      if (state.kind === 'failed') this.leave(state.message);
      if (state.kind === 'idle') this.leave('the other side ended the connection');
    };
    try {
      await this.signIn();
      await this.call(RANGE, { ...this.#parts.keys.under(''), limit: 1n, keysOnly: true }, MEMBER_TRY_MS);
    } catch (error) {
      throw this.#openingError(error);
    }
  }

  #openingError(error: unknown): MeshError {
    if (this.#whyLeft !== '') return new MeshError('registry-unavailable', `${this.name}: ${this.#whyLeft}`, { cause: error });
    if (error instanceof GrpcStatusError) {
      if (error.code === GRPC_CODE.UNIMPLEMENTED)
        return new MeshError('failed-precondition', `${this.name} does not speak the interface of etcd v3`, { cause: error });
      if (evidenceOf(error) === 'sign-in')
        return new MeshError('failed-precondition', `etcd at ${this.name} wants a user and a password`, { cause: error });
      const { message } = portError(error, this.name);
      const lasting = error.code === GRPC_CODE.PERMISSION_DENIED;
      return new MeshError(lasting ? 'failed-precondition' : 'registry-unavailable', message, { cause: error });
    }
    if (error instanceof MeshError) {
      if (error.kind === 'failed-precondition') return error;
      return new MeshError('registry-unavailable', `${this.name}: ${error.message}`, { cause: error });
    }
    return portError(error, this.name);
  }

  async #signIn(): Promise<void> {
    const { user } = this.#parts.place;
    if (user === undefined) return;
    try {
      const request = { name: user.name, password: user.password() };
      const { token } = await this.#client.call(AUTHENTICATE, request, { timeoutMs: MEMBER_TRY_MS });
      this.#token = token;
    } catch (error) {
      if (!(error instanceof GrpcStatusError) || evidenceOf(error) === 'perhaps' || evidenceOf(error) === 'not-reached')
        throw error;
      if (/not enabled/.test(error.message)) {
        this.#token = undefined;
        return;
      }
      const text = `etcd at ${this.name} does not let user ${JSON.stringify(user.name)} in: ${error.message}`;
      throw new MeshError('failed-precondition', text, { cause: error });
    }
  }

  #look(header: AnswerHeader | undefined, seenBefore: Revision | undefined): void {
    if (header === undefined) return;
    const newest = revisionOf(header.revision);
    this.#seen.clusterId ??= header.clusterId;
    if (this.#seen.clusterId !== header.clusterId) this.#refuse('it belongs to another cluster than the members before');
    // What concerns leases the leader may answer for this member, before it has applied as much as this one.
    if (seenBefore !== undefined && newest < seenBefore)
      this.#refuse(`it answers from revision ${newest}, and ${seenBefore} was seen already`);
    if (newest > this.#seen.revision) this.#seen.revision = newest;
  }

  #refuse(why: string): never {
    this.leave(why);
    throw new MeshError('unavailable', `etcd member ${this.name} cannot be followed: ${why}`);
  }
}

function targetOf({ host, port }: EtcdEndpoint, place: EtcdPlace): ConnectTarget {
  if (place.tls === undefined) return { kind: 'tcp', host, port };
  const tls = place.tls();
  const name = tls.serverName ?? serverNameOf(place.authority ?? host);
  return { kind: 'tls', host, port, tls: name === undefined ? tls : { ...tls, serverName: name } };
}

/** An address is no name that TLS could ask for. */
function serverNameOf(authority: string): string | undefined {
  const host = authority.replace(/:\d+$/, '');
  return /^[\d.]+$/.test(host) || host.includes(':') ? undefined : host;
}
