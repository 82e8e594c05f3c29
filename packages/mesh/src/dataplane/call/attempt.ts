import { assertNever, type DurationMs, durationMs, type InstanceId, type MeshError, type MonotonicMs } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import {
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  headerRecipe,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { isInternalHeader } from '@modelmesh/wire/headers';
import { decodeGrpcMessage, encodeGrpcMessage, GRPC_CODE, grpcOfHttpStatus, parseGrpcStatus } from '@modelmesh/wire/status';
import type { SlotRef } from '../../link/index.ts';
import type { CallPlan } from './call-plan.ts';
import type { Plane } from './plane.ts';
import type { RequestBody } from './request-body.ts';

/** An error of the runtime as its caller would get it. */
export interface RuntimeRefusal {
  /** Headers that came before it and were not given on. */
  readonly headers: HeaderBlock | null;
  readonly trailers: HeaderBlock;
}

/** What an attempt needs of its call. Exactly one of `onAttemptDone` and `onAttemptFailed` comes, unless it is abandoned. */
export interface AttemptOwner {
  readonly plan: CallPlan;
  readonly body: RequestBody;
  /** Until the deadline that the caller named; `null`: it named none. */
  readonly forwardedMs: DurationMs | null;
  /** Everything pushed so far has moved on. */
  onAttemptTook(): void;
  onAttemptHeaders(headers: HeaderBlock): void;
  onAttemptData(bytes: Uint8Array): boolean;
  /** The answer is complete and was given on; `trailers` hold its status. */
  onAttemptDone(trailers: HeaderBlock): void;
  /** The call ends with it: a limit, a method that the runtime does not have, or what a peer says that no other would answer differently. */
  onAttemptRefused(error: MeshError): void;
  /** `refusal`: what may be passed on, when the evidence is a status of the runtime. */
  onAttemptFailed(evidence: Evidence, refusal: RuntimeRefusal | null): void;
}

/** How an attempt ended, in the words of the records of calls. `refused`: by a rule or a limit that holds everywhere. */
export type AttemptOutcome = Evidence['kind'] | 'answered' | 'refused';

const NOTHING = new Uint8Array(0);

const OWN_HEADERS = headerRecipe({ drops: isInternalHeader });
const OWN_TRAILERS = headerRecipe({ drops: (name) => name === ':status' || isInternalHeader(name) });

/**
 * One try of a call, at the runtime of this node or at a peer: sends the request with back-pressure, gives the answer on, and says how it
 * ended. What differs between the two is its heirs' business.
 */
export abstract class Attempt implements StreamHandler {
  /** Who is asked. */
  readonly instance: InstanceId;
  protected readonly plane: Plane;
  protected readonly owner: AttemptOwner;
  protected stream: ByteStream | undefined;
  protected writable = true;
  protected over = false;
  readonly #startedMs: MonotonicMs;
  #sentEnd = false;
  /** Response headers that wait for proof that this attempt will not be repeated. */
  #heldHeaders: HeaderBlock | undefined;
  #gaveHeaders = false;
  #unconsumed = 0;
  #paused = false;

  constructor(plane: Plane, owner: AttemptOwner, instance: InstanceId) {
    this.plane = plane;
    this.owner = owner;
    this.instance = instance;
    this.#startedMs = plane.clock.monotonicMs();
  }

  /** The copy of this node that is asked; `null` at a peer. */
  abstract get slot(): SlotRef | null;

  /** Opens the stream and sends what has arrived of the request. */
  abstract start(): void;

  /** Who answers, in sentences. */
  protected abstract readonly who: string;

  /** The attempt is over; called once. */
  protected abstract left(code: number, tookMs: DurationMs, outcome: AttemptOutcome): void;

  /** What a status that is not OK means. `undefined`: it ended the call already. */
  protected abstract evidenceOfStatus(code: number, message: string, trailers: HeaderBlock): Evidence | undefined;

  /** Sends what may be sent now. */
  pump(): void {
    const { body } = this.owner;
    const { stream } = this;
    if (stream === undefined) return;
    while (this.writable && !this.over) {
      const chunk = body.next();
      if (chunk === undefined) break;
      this.send(stream, chunk, body.ended && body.drained);
    }
    this.sentAll(stream);
  }

  /** The caller can take response data again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const credit = this.#unconsumed;
    this.#unconsumed = 0;
    this.stream?.consume(credit);
  }

  /** Nobody wants the answer any more. */
  abandon(): void {
    if (this.over) return;
    this.#leave(GRPC_CODE.CANCELLED, 'cancelled');
    this.stream?.reset(RESET_CODE.cancel);
  }

  /** Whether anything of the call was sent. */
  get sent(): boolean {
    return this.stream !== undefined;
  }

  /** Its share of the deadline passed. */
  timeOut(): void {
    if (!this.over) this.fail({ kind: 'attempt-timeout' });
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (this.over) return;
    const status = Number(headers.get(':status') ?? 0);
    if (end) {
      this.#answered(headers, status);
      return;
    }
    if (status !== 200) {
      this.stream?.reset(RESET_CODE.cancel);
      this.#failAs(grpcOfHttpStatus(status), this.#httpSentence(status));
      return;
    }
    const own = headers.derive(OWN_HEADERS);
    // While the request is still open its sender may be waiting for these headers before it sends more.
    if (this.owner.body.ended) this.#heldHeaders = own;
    else this.#giveHeaders(own);
  }

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (this.over) return;
    if (bytes.length > 0) {
      this.#giveHeld();
      if (this.over) return;
      if (this.owner.onAttemptData(bytes)) stream.consume(bytes.length);
      else {
        this.#paused = true;
        this.#unconsumed += bytes.length;
      }
    }
    // A gRPC answer ends with trailers; one that ends with data has no status.
    if (end && !this.over) this.#failAs(GRPC_CODE.INTERNAL, this.#noStatus());
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    if (!this.over) this.#answered(trailers, 200);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    if (!this.over) this.fail(evidenceOf(cause, this.who));
  }

  onWritable(_stream: ByteStream): void {
    this.writable = true;
    if (!this.over) this.pump();
  }

  onClosed(_stream: ByteStream): void {}

  protected send(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#sentEnd = true;
    this.writable = stream.sendData(bytes, end);
  }

  /** After everything that could be sent was. */
  protected sentAll(stream: ByteStream): void {
    const { body } = this.owner;
    if (this.over || !this.writable) return;
    if (body.ended && body.drained && !this.#sentEnd) this.send(stream, NOTHING, true);
    if (this.writable) this.owner.onAttemptTook();
  }

  /** Ends attempt and call with an error of the mesh. */
  protected refuse(error: MeshError, code: number): void {
    this.#leave(code, 'refused');
    this.stream?.reset(RESET_CODE.cancel);
    this.owner.onAttemptRefused(error);
  }

  protected fail(evidence: Evidence, refusal: RuntimeRefusal | null = null): void {
    if (evidence.kind === 'runtime-status' && refusal === null) {
      this.#failAs(evidence.code, evidence.message);
      return;
    }
    this.#leave(evidence.kind === 'runtime-status' ? evidence.code : GRPC_CODE.UNAVAILABLE, evidence.kind);
    this.#letGo(RESET_CODE.cancel);
    this.owner.onAttemptFailed(evidence, refusal);
  }

  #answered(block: HeaderBlock, httpStatus: number): void {
    const status = block.get('grpc-status');
    if (status === undefined) {
      if (httpStatus === 200) this.#failAs(GRPC_CODE.UNKNOWN, this.#noStatus());
      else this.#failAs(grpcOfHttpStatus(httpStatus), this.#httpSentence(httpStatus));
      return;
    }
    const code = parseGrpcStatus(status);
    const trailers = block.derive(OWN_TRAILERS);
    if (code !== GRPC_CODE.OK) {
      const message = decodeGrpcMessage(block.get('grpc-message') ?? '');
      const evidence = this.evidenceOfStatus(code, message, block);
      if (evidence === undefined) return;
      this.fail(evidence, evidence.kind === 'runtime-status' ? { headers: this.#heldHeaders ?? null, trailers } : null);
      return;
    }
    this.#giveHeld();
    if (this.over) return;
    this.#leave(code, 'answered');
    this.#letGo(RESET_CODE.noError);
    this.owner.onAttemptDone(trailers);
  }

  /** One that answered before it read everything does not want the rest; the stream must not wait for it. */
  #letGo(code: number): void {
    if (!this.#sentEnd) this.stream?.reset(code);
  }

  #giveHeld(): void {
    const held = this.#heldHeaders;
    this.#heldHeaders = undefined;
    if (held !== undefined) this.#giveHeaders(held);
  }

  #giveHeaders(headers: HeaderBlock): void {
    if (this.#gaveHeaders) return;
    this.#gaveHeaders = true;
    this.owner.onAttemptHeaders(headers);
  }

  /** A failure without a status of its own gets the one that gRPC gives it. */
  #failAs(code: number, message: string): void {
    const trailers = headerBlock(['grpc-status', String(code), 'grpc-message', encodeGrpcMessage(message)]);
    this.fail({ kind: 'runtime-status', code, message }, { headers: this.#heldHeaders ?? null, trailers });
  }

  #leave(code: number, outcome: AttemptOutcome): void {
    this.over = true;
    this.left(code, durationMs(this.plane.clock.monotonicMs() - this.#startedMs), outcome);
  }

  #noStatus(): string {
    return `${this.who} ended the call without a status`;
  }

  #httpSentence(status: number): string {
    return `${this.who} answered with HTTP status ${status}`;
  }
}

/** What a stream's end proves about the one who was asked. */
function evidenceOf(cause: ResetCause, who: string): Evidence {
  switch (cause.kind) {
    case 'connect-failed':
      return { kind: 'connect-refused' };
    case 'unprocessed':
      return cause.why === 'goaway' ? { kind: 'goaway-unprocessed' } : { kind: 'refused-stream' };
    case 'connection-lost':
      return { kind: 'connection-lost' };
    case 'peer-reset':
      return { kind: 'runtime-status', ...statusOfReset(cause.code, who) };
    case 'protocol-error':
      return { kind: 'runtime-status', code: GRPC_CODE.INTERNAL, message: `the stream to ${who} broke: ${cause.message}` };
    case 'local-reset':
      // An attempt that its call gave up is over before it hears of this: here the connection was closed beneath it.
      return { kind: 'connection-lost' };
    default:
      return assertNever(cause);
  }
}

/** gRPC's meaning of RST_STREAM codes; source: gRPC over HTTP/2, *HTTP2 Transport Mapping, Errors*. */
function statusOfReset(code: number, who: string): { readonly code: number; readonly message: string } {
  const message = `${who} reset the stream with code ${code}`;
  switch (code) {
    case RESET_CODE.cancel:
      return { code: GRPC_CODE.CANCELLED, message };
    case RESET_CODE.enhanceYourCalm:
      return { code: GRPC_CODE.RESOURCE_EXHAUSTED, message };
    default:
      return { code: GRPC_CODE.INTERNAL, message };
  }
}
