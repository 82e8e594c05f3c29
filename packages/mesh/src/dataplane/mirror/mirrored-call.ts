import type { MeshError } from '@modelmesh/core';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { errorMapping, parseGrpcStatus } from '@modelmesh/wire/status';
import { type Caller, type CallPlan, type CallRecording, InferenceCall, type Plane } from '../call/index.ts';

/** A call as its plan wants it: one that is recorded for shadows, or like any other. */
export function newCall(plane: Plane, caller: Caller, plan: CallPlan): InferenceCall {
  const recording = plan.mirrors === undefined ? undefined : plane.shadows?.record(plan);
  return recording === undefined ? new InferenceCall(plane, caller, plan) : new MirroredCall(plane, caller, plan, recording);
}

/**
 * A call that is recorded for its shadows, whichever protocol it came in: what it costs is a copy of its bytes. Everything else is done once the
 * caller has its answer.
 */
class MirroredCall extends InferenceCall {
  readonly #recording: CallRecording;

  constructor(plane: Plane, caller: Caller, plan: CallPlan, recording: CallRecording) {
    super(plane, new RecordedCaller(caller, recording), plan);
    this.#recording = recording;
  }

  override push(bytes: Uint8Array, end: boolean): void {
    this.#recording.request(bytes);
    super.push(bytes, end);
  }

  /** Callers may give up what is over already: then it ended as it did. */
  override cancel(): void {
    const wasOver = this.over;
    super.cancel();
    if (!wasOver) this.#recording.cancelled();
  }
}

/** Passes everything on to the caller. */
class RecordedCaller implements Caller {
  readonly #caller: Caller;
  readonly #recording: CallRecording;

  constructor(caller: Caller, recording: CallRecording) {
    this.#caller = caller;
    this.#recording = recording;
  }

  onResponseHeaders(headers: HeaderBlock): void {
    this.#recording.answerHeaders(headers);
    this.#caller.onResponseHeaders(headers);
  }

  onResponseData(bytes: Uint8Array): boolean {
    // Before the caller owns them.
    this.#recording.answer(bytes);
    return this.#caller.onResponseData(bytes);
  }

  onResponseEnd(trailers: HeaderBlock): void {
    const code = parseGrpcStatus(trailers.get('grpc-status') ?? '');
    this.#caller.onResponseEnd(trailers);
    this.#recording.ended(code);
  }

  onFailed(error: MeshError): void {
    this.#caller.onFailed(error);
    this.#recording.ended(errorMapping(error.kind).grpc);
  }

  onRequestTaken(byteCount: number): void {
    this.#caller.onRequestTaken(byteCount);
  }
}
