import { assertNever, type DurationMs, durationMs, MeshError, type MonotonicMs, toMeshError } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import {
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { formatGrpcTimeout, HEADER, isInternalHeader } from '@modelmesh/wire/headers';
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  errorMapping,
  GRPC_CODE,
  grpcOfHttpStatus,
  parseGrpcStatus,
} from '@modelmesh/wire/status';
import type { SlotRef } from '../../link/index.ts';
import type { CallPlan } from './call-plan.ts';
import { type InjectionSink, injectionFor, type MessageInjector } from './message-injector.ts';
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
  /** It was not sent and will not be: a limit, or a method that the runtime does not have. */
  onAttemptRefused(error: MeshError): void;
  /** `refusal`: what may be passed on, when the evidence is a status of the runtime. */
  onAttemptFailed(evidence: Evidence, refusal: RuntimeRefusal | null): void;
}

const NOTHING = new Uint8Array(0);
/** A rewritten message goes out in pieces, so that the stream can say stop between them. */
const SLICE_BYTES_MAX = 65_536;

/** One try of a call at the local runtime. Holds a place in the copy's calls in flight until it ends. */
export class Attempt implements StreamHandler, InjectionSink {
  readonly #plane: Plane;
  readonly #owner: AttemptOwner;
  /** The copy that is asked. */
  readonly slot: SlotRef;
  readonly #startedMs: MonotonicMs;
  #stream: ByteStream | undefined;
  #injector: MessageInjector | undefined;
  /** Rewritten messages that the stream could not yet take. */
  readonly #injected: Uint8Array[] = [];
  #writable = true;
  #sentEnd = false;
  /** Response headers that wait for proof that this attempt will not be repeated. */
  #heldHeaders: HeaderBlock | undefined;
  #gaveHeaders = false;
  #unconsumed = 0;
  #paused = false;
  #over = false;

  constructor(plane: Plane, owner: AttemptOwner, slot: SlotRef) {
    this.#plane = plane;
    this.#owner = owner;
    this.slot = slot;
    this.#startedMs = plane.clock.monotonicMs();
  }

  /** Opens the stream to the runtime and sends what has arrived of the request. */
  start(): void {
    const { plan, body } = this.#owner;
    const access = this.#plane.runtime.access;
    if (access === undefined) {
      this.#fail({ kind: 'runtime-down' });
      return;
    }
    const path = access.methods.get(plan.method);
    if (path === undefined && !access.anyMethod) {
      this.#refuse(new MeshError('unsupported-method', `Method not found or not permitted: ${plan.method}`));
      return;
    }
    const { messageBytesMax, inflateRatioMax } = this.#plane.limits;
    const { model, encoding } = plan;
    const options = { model, encoding, messageBytesMax, inflateRatioMax, room: this.#plane.rewriteRoom };
    this.#injector = injectionFor(path, options, this);
    const { forwardedMs } = this.#owner;
    const headers = forwardedMs === null ? plan.headers : plan.headers.with(HEADER.grpcTimeout, formatGrpcTimeout(forwardedMs));
    let stream: ByteStream | undefined;
    try {
      stream = this.#plane.runtime.open(headers, false, this);
    } catch (error) {
      this.#refuse(toMeshError(error));
      return;
    }
    if (stream === undefined) {
      this.#fail({ kind: 'runtime-down' });
      return;
    }
    this.#stream = stream;
    body.beginAttempt();
    this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    const { body } = this.#owner;
    const stream = this.#stream;
    if (stream === undefined) return;
    while (this.#writable && !this.#over) {
      const injected = this.#injected.shift();
      if (injected !== undefined) {
        const byteCount = injected.length;
        this.#writable = stream.sendData(injected, false);
        this.#injector?.sent(byteCount);
        continue;
      }
      if (this.#injector?.busy === true) return;
      if (!body.drained && this.#injector?.mayPush(body.nextBytes) === false) return;
      const chunk = body.next();
      if (chunk === undefined) break;
      if (this.#injector === undefined) this.#send(stream, chunk, body.ended && body.drained);
      else this.#injector.push(chunk);
    }
    if (this.#over || !this.#writable) return;
    if (body.ended && body.drained && !this.#sentEnd) this.#send(stream, NOTHING, true);
    if (this.#writable) this.#owner.onAttemptTook();
  }

  /** The caller can take response data again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const credit = this.#unconsumed;
    this.#unconsumed = 0;
    this.#stream?.consume(credit);
  }

  /** Nobody wants the answer any more. */
  abandon(): void {
    if (this.#over) return;
    this.#leave(GRPC_CODE.CANCELLED);
    this.#stream?.reset(RESET_CODE.cancel);
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (this.#over) return;
    const status = Number(headers.get(':status') ?? 0);
    if (end) {
      this.#answered(
        headers.without((name) => name === ':status' || isInternalHeader(name)),
        status,
      );
      return;
    }
    if (status !== 200) {
      this.#stream?.reset(RESET_CODE.cancel);
      this.#failAs(grpcOfHttpStatus(status), httpSentence(status));
      return;
    }
    const own = headers.without(isInternalHeader);
    // While the request is still open its sender may be waiting for these headers before it sends more.
    if (this.#owner.body.ended) this.#heldHeaders = own;
    else this.#giveHeaders(own);
  }

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (this.#over) return;
    if (bytes.length > 0) {
      this.#giveHeld();
      if (this.#over) return;
      if (this.#owner.onAttemptData(bytes)) stream.consume(bytes.length);
      else {
        this.#paused = true;
        this.#unconsumed += bytes.length;
      }
    }
    // A gRPC answer ends with trailers; one that ends with data has no status.
    if (end && !this.#over) this.#failAs(GRPC_CODE.INTERNAL, NO_STATUS);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    if (!this.#over) this.#answered(trailers.without(isInternalHeader), 200);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    if (!this.#over) this.#fail(evidenceOf(cause));
  }

  onWritable(_stream: ByteStream): void {
    this.#writable = true;
    if (!this.#over) this.pump();
  }

  onClosed(_stream: ByteStream): void {}

  onInjected(framed: Uint8Array): void {
    for (let at = 0; at < framed.length; at += SLICE_BYTES_MAX) this.#injected.push(framed.subarray(at, at + SLICE_BYTES_MAX));
  }

  onInjectorIdle(): void {
    if (!this.#over) this.pump();
  }

  onInjectionFailed(error: MeshError): void {
    if (this.#over) return;
    this.#refuse(error);
  }

  #send(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#sentEnd = true;
    this.#writable = stream.sendData(bytes, end);
  }

  #answered(trailers: HeaderBlock, httpStatus: number): void {
    const status = trailers.get('grpc-status');
    if (status === undefined) {
      if (httpStatus === 200) this.#failAs(GRPC_CODE.UNKNOWN, NO_STATUS);
      else this.#failAs(grpcOfHttpStatus(httpStatus), httpSentence(httpStatus));
      return;
    }
    const code = parseGrpcStatus(status);
    if (code !== GRPC_CODE.OK) {
      const message = decodeGrpcMessage(trailers.get('grpc-message') ?? '');
      this.#fail({ kind: 'runtime-status', code, message }, { headers: this.#heldHeaders ?? null, trailers });
      return;
    }
    this.#giveHeld();
    if (this.#over) return;
    this.#leave(code);
    this.#letGo(RESET_CODE.noError);
    this.#owner.onAttemptDone(trailers);
  }

  /** A runtime that answered before it read everything does not want the rest; the stream must not wait for it. */
  #letGo(code: number): void {
    if (!this.#sentEnd) this.#stream?.reset(code);
  }

  #giveHeld(): void {
    const held = this.#heldHeaders;
    this.#heldHeaders = undefined;
    if (held !== undefined) this.#giveHeaders(held);
  }

  #giveHeaders(headers: HeaderBlock): void {
    if (this.#gaveHeaders) return;
    this.#gaveHeaders = true;
    this.#owner.onAttemptHeaders(headers);
  }

  #refuse(error: MeshError): void {
    this.#leave(errorMapping(error.kind).grpc);
    this.#stream?.reset(RESET_CODE.cancel);
    this.#owner.onAttemptRefused(error);
  }

  /** A failure without a status of its own gets the one that gRPC gives it. */
  #failAs(code: number, message: string): void {
    const trailers = headerBlock(['grpc-status', String(code), 'grpc-message', encodeGrpcMessage(message)]);
    this.#fail({ kind: 'runtime-status', code, message }, { headers: this.#heldHeaders ?? null, trailers });
  }

  #fail(evidence: Evidence, refusal: RuntimeRefusal | null = null): void {
    if (evidence.kind === 'runtime-status' && refusal === null) {
      this.#failAs(evidence.code, evidence.message);
      return;
    }
    this.#leave(evidence.kind === 'runtime-status' ? evidence.code : GRPC_CODE.UNAVAILABLE);
    this.#letGo(RESET_CODE.cancel);
    this.#owner.onAttemptFailed(evidence, refusal);
  }

  #leave(code: number): void {
    this.#over = true;
    this.#injector?.abandon();
    const tookMs = durationMs(this.#plane.clock.monotonicMs() - this.#startedMs);
    const { method, model } = this.#owner.plan;
    const last = this.#plane.counters.leave(this.#plane.worker, this.slot, code === GRPC_CODE.OK, tookMs);
    if (last) this.#plane.link.send({ kind: 'drained', slot: this.slot });
    this.#plane.metrics.attempt(method, code, tookMs, model);
  }
}

const NO_STATUS = 'the runtime ended the call without a status';
const httpSentence = (status: number): string => `the runtime answered with HTTP status ${status}`;

/** What a stream's end proves about the runtime. */
function evidenceOf(cause: ResetCause): Evidence {
  switch (cause.kind) {
    case 'connect-failed':
      return { kind: 'connect-refused' };
    case 'unprocessed':
      return cause.why === 'goaway' ? { kind: 'goaway-unprocessed' } : { kind: 'refused-stream' };
    case 'connection-lost':
      return { kind: 'connection-lost' };
    case 'peer-reset':
      return { kind: 'runtime-status', ...statusOfReset(cause.code) };
    case 'protocol-error':
      return { kind: 'runtime-status', code: GRPC_CODE.INTERNAL, message: `the stream to the runtime broke: ${cause.message}` };
    case 'local-reset':
      // An attempt that its call gave up is over before it hears of this: here the connection was closed beneath it.
      return { kind: 'connection-lost' };
    default:
      return assertNever(cause);
  }
}

/** gRPC's meaning of RST_STREAM codes; source: gRPC over HTTP/2, *HTTP2 Transport Mapping, Errors*. */
function statusOfReset(code: number): { readonly code: number; readonly message: string } {
  const message = `the runtime reset the stream with code ${code}`;
  switch (code) {
    case RESET_CODE.cancel:
      return { code: GRPC_CODE.CANCELLED, message };
    case RESET_CODE.enhanceYourCalm:
      return { code: GRPC_CODE.RESOURCE_EXHAUSTED, message };
    default:
      return { code: GRPC_CODE.INTERNAL, message };
  }
}
