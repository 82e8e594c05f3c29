import { durationMs } from '@modelmesh/core';
import {
  type ByteStream,
  type ClientConnection,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { formatGrpcTimeout, HEADER } from '@modelmesh/wire/headers';
import { Actor, ActorClock, type World } from '../engine/index.ts';
import { type Network, SimEngine } from '../network/index.ts';
import type { RuntimeAnswer } from '../runtime/index.ts';
import type { SimNode } from './sim-node.ts';

/** How a call ended, as its client saw it. */
export type CallEnd =
  | { readonly kind: 'answered'; readonly answer: RuntimeAnswer }
  /** gRPC code other than 0. */
  | { readonly kind: 'status'; readonly code: number; readonly message: string }
  /** No status: the connection to the node of its entry. */
  | { readonly kind: 'broken'; readonly cause: ResetCause }
  /** Nothing came, and the client gave up. */
  | { readonly kind: 'given-up' };

/** One call of one client. */
export interface SimCall {
  readonly id: string;
  readonly traffic: string;
  readonly model: string;
  readonly node: SimNode;
  /** The life that it was sent to; `undefined` if there was none. */
  readonly entry: string | undefined;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly retry: 'safe' | 'never';
  end: CallEnd | undefined;
  endedMs: number;
  /** Times that the client was told of an end. */
  ends: number;
}

/** A client waits so much longer than its deadline before it gives up. */
const PATIENCE_MS = 3000;
const CONTENT_TYPE = 'application/grpc';

/** Told of every call. */
export interface CallSink {
  started(call: SimCall): void;
  /** Again if it should end more than once. */
  ended(call: SimCall): void;
}

/** What is wanted of a call. */
export interface CallWish {
  readonly traffic: string;
  readonly model: string;
  readonly node: SimNode;
  readonly deadlineMs: number;
  readonly retry: 'safe' | 'never';
}

/** The clients: connections to every node, and calls on them that are never repeated. */
export class Calls {
  readonly actor = new Actor('clients');
  readonly all: SimCall[] = [];
  readonly #world: World;
  readonly #engine: SimEngine;
  readonly #connections = new Map<SimNode, ClientConnection>();
  readonly #sink: CallSink;
  #open = 0;

  constructor(world: World, network: Network, sink: CallSink) {
    this.#world = world;
    this.#sink = sink;
    const endpoint = { actor: this.actor, host: 'clients' };
    this.#engine = new SimEngine(network, endpoint, new ActorClock(world, this.actor));
  }

  /** Calls that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Calls. */
  call(wish: CallWish): SimCall {
    const call: SimCall = {
      ...wish,
      id: `${wish.traffic}-${this.all.length}`,
      entry: wish.node.life?.actor.name,
      startedMs: this.#world.nowMs,
      end: undefined,
      endedMs: 0,
      ends: 0,
    };
    this.all.push(call);
    this.#open += 1;
    this.#sink.started(call);
    const fields = [':method', 'POST', ':scheme', 'http', ':path', '/simulated.Service/Ask', ':authority', 'mesh'];
    fields.push('content-type', CONTENT_TYPE, 'te', 'trailers', HEADER.modelId, wish.model, HEADER.requestId, call.id);
    fields.push(HEADER.grpcTimeout, formatGrpcTimeout(durationMs(wish.deadlineMs)));
    if (wish.retry === 'never') fields.push(HEADER.retry, 'never');
    const listener = new CallListener((end) => {
      patience.cancel();
      this.#ended(call, end);
    });
    const stream = this.#connectionTo(wish.node).open(headerBlock(fields), false, listener);
    stream.sendData(EMPTY_MESSAGE, true);
    const patience = this.#world.in(this.actor, wish.deadlineMs + PATIENCE_MS, `patience ${call.id}`, () => {
      if (call.end !== undefined) return;
      this.#ended(call, { kind: 'given-up' });
      stream.reset(8);
    });
    return call;
  }

  #connectionTo(node: SimNode): ClientConnection {
    let connection = this.#connections.get(node);
    if (connection === undefined) {
      connection = this.#engine.connect({ kind: 'tcp', host: node.spec.id, port: 8033 }, DEFAULT_STREAM_LIMITS);
      this.#connections.set(node, connection);
    }
    return connection;
  }

  #ended(call: SimCall, end: CallEnd): void {
    call.ends += 1;
    if (call.end !== undefined) {
      if (call.end.kind !== 'given-up') this.#sink.ended(call);
      return;
    }
    call.end = end;
    call.endedMs = this.#world.nowMs;
    this.#open -= 1;
    const facts =
      end.kind === 'answered'
        ? `${end.answer.path} at ${end.answer.node}`
        : end.kind === 'status'
          ? `${end.code} ${end.message}`
          : '';
    this.#world.trace.add(this.#world.nowMs, call.id, `${call.model} ${end.kind} ${facts}`);
    this.#sink.ended(call);
  }
}

const EMPTY_MESSAGE = new Uint8Array(5);

/** Hears one call as its client does. */
class CallListener implements StreamHandler {
  readonly #onEnd: (end: CallEnd) => void;
  readonly #bytes: Uint8Array[] = [];

  constructor(onEnd: (end: CallEnd) => void) {
    this.#onEnd = onEnd;
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (end) this.#status(headers);
  }

  onData(stream: ByteStream, bytes: Uint8Array): void {
    stream.consume(bytes.length);
    this.#bytes.push(bytes);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.#status(trailers);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    if (cause.kind !== 'local-reset') this.#onEnd({ kind: 'broken', cause });
  }

  onWritable(): void {}

  onClosed(): void {}

  #status(block: HeaderBlock): void {
    const code = Number(block.get('grpc-status') ?? 2);
    if (code !== 0) {
      this.#onEnd({ kind: 'status', code, message: decodeURIComponent(block.get('grpc-message') ?? '') });
      return;
    }
    const answer = JSON.parse(Buffer.concat(this.#bytes).subarray(5).toString()) as RuntimeAnswer;
    this.#onEnd({ kind: 'answered', answer });
  }
}
