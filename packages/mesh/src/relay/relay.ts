import { MeshError, toMeshError } from '@modelmesh/core';
import { refuseCall, refuseHttp } from '@modelmesh/grpc/call';
import {
  type AcceptStream,
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  RESET_CODE,
  type ResetCause,
  type StreamEngine,
  type StreamHandler,
  type StreamLimits,
} from '@modelmesh/grpc/stream';
import { RELAYED_HEADER, relayedHeader } from './connection-facts.ts';

/** Where streams are relayed to. */
export interface RelayParts {
  readonly engine: StreamEngine;
  readonly limits: StreamLimits;
  /** Unix socket at which control's thread listens. */
  readonly path: string;
  readonly word: string;
}

/** A worker's side: its way to control's thread for streams that it does not answer itself. */
export class Relay {
  readonly #connection: ClientConnection;
  readonly #word: string;

  constructor({ engine, limits, path, word }: RelayParts) {
    this.#connection = engine.connect({ kind: 'unix', path }, limits);
    this.#word = word;
  }

  /** Relays one stream. */
  readonly accept: AcceptStream = (stream, headers, end, { info }) => {
    // A client's own header of that name goes.
    const relayed = headers.without((name) => name === RELAYED_HEADER).with(RELAYED_HEADER, relayedHeader(this.#word, info));
    const pair = new RelayedStream(stream, isGrpc(headers));
    try {
      pair.beginAt(this.#connection.open(relayed, end, pair.answer), end);
    } catch (error) {
      return refuse(stream, isGrpc(headers), end, toMeshError(error));
    }
    return pair;
  };

  close(): void {
    this.#connection.close();
  }
}

const isGrpc = (headers: HeaderBlock): boolean => headers.get('content-type')?.startsWith('application/grpc') === true;

function refuse(stream: ByteStream, grpc: boolean, end: boolean, error: MeshError): StreamHandler {
  return grpc ? refuseCall(stream, error, end) : refuseHttp(stream, 503, end);
}

/** A client's stream joined to one at control. It hears the client; {@link answer} hears control. */
class RelayedStream implements StreamHandler {
  readonly answer: StreamHandler;
  readonly #client: ByteStream;
  readonly #grpc: boolean;
  #control: ByteStream | undefined;
  #answered = false;
  #requestEnded = false;
  /** Taken from one side and not yet by the other, in bytes. */
  #heldOfRequest = 0;
  #heldOfAnswer = 0;
  #over = false;

  constructor(client: ByteStream, grpc: boolean) {
    this.#client = client;
    this.#grpc = grpc;
    this.answer = {
      onHeaders: (_stream, headers, end) => {
        this.#answered = true;
        client.sendHeaders(headers, end);
      },
      onData: (control, bytes, end) => {
        const { length } = bytes;
        if (client.sendData(bytes, end)) control.consume(length);
        else this.#heldOfAnswer += length;
      },
      onTrailers: (_stream, trailers) => client.sendTrailers(trailers),
      onReset: (_stream, cause) => this.#controlReset(cause),
      onWritable: () => {
        const held = this.#heldOfRequest;
        this.#heldOfRequest = 0;
        client.consume(held);
      },
      onClosed: () => undefined,
    };
  }

  /** The stream at control is open. `end`: its request has no body. */
  beginAt(control: ByteStream, end: boolean): void {
    this.#control = control;
    this.#requestEnded = end;
  }

  onHeaders(): void {
    // A client's headers came when its stream was accepted.
  }

  onData(client: ByteStream, bytes: Uint8Array, end: boolean): void {
    const { length } = bytes;
    this.#requestEnded ||= end;
    if (this.#over || this.#control === undefined || this.#control.sendData(bytes, end)) client.consume(length);
    else this.#heldOfRequest += length;
  }

  onTrailers(_client: ByteStream, trailers: HeaderBlock): void {
    this.#requestEnded = true;
    this.#control?.sendTrailers(trailers);
  }

  onWritable(): void {
    const held = this.#heldOfAnswer;
    this.#heldOfAnswer = 0;
    this.#control?.consume(held);
  }

  onReset(_client: ByteStream, cause: ResetCause): void {
    this.#over = true;
    this.#control?.reset(cause.kind === 'peer-reset' ? cause.code : RESET_CODE.cancel);
  }

  onClosed(): void {
    this.#over = true;
  }

  #controlReset(cause: ResetCause): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#answered) this.#client.reset(cause.kind === 'peer-reset' ? cause.code : RESET_CODE.internalError);
    else if (cause.kind === 'peer-reset') this.#client.reset(cause.code);
    else
      refuse(this.#client, this.#grpc, this.#requestEnded, new MeshError('unavailable', 'control of this node does not answer'));
  }
}
