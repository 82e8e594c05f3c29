import { type Clock, type DurationMs, durationMs, type MonotonicMs } from '@modelmesh/core';
import type { ShadowDrop } from '@modelmesh/core/traffic';
import { type MessageEncoding, parseEncoding } from '@modelmesh/grpc/compression';
import { HEADER, type HeaderReader } from '@modelmesh/wire/headers';
import type { ByteBudget, CallPlan, CallRecording } from '../call/index.ts';

/** An answer as it came: framed messages, and how they are compressed. */
export interface RecordedAnswer {
  readonly chunks: readonly Uint8Array[];
  readonly encoding: MessageEncoding;
  /** gRPC code. */
  readonly code: number;
  readonly tookMs: DurationMs;
}

/** What a recording needs. */
export interface RecordingParts {
  /** Of the worker. */
  readonly budget: ByteBudget;
  /** Of one call. */
  readonly bytesMax: number;
  readonly clock: Clock;
  /** The live call is over. */
  readonly onRecorded: (recording: Recording, live: RecordedAnswer) => void;
  /** Its shadows get nothing. One of the two is called, once. */
  readonly onDropped: (plan: CallPlan, cause: ShadowDrop) => void;
}

/** Copies of the bytes of one live call, within the bounds of a call and of the worker. Gives up at the first byte beyond. */
export class Recording implements CallRecording {
  readonly plan: CallPlan;
  /** The request so far, framed. */
  readonly requestChunks: Uint8Array[] = [];
  readonly #answer: Uint8Array[] = [];
  readonly #parts: RecordingParts;
  readonly #startedMs: MonotonicMs;
  #bytes = 0;
  #encoding: MessageEncoding = 'identity';
  #isOpen = true;
  #holders = 0;

  constructor(plan: CallPlan, parts: RecordingParts) {
    this.plan = plan;
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
  }

  request(bytes: Uint8Array): void {
    this.#keep(this.requestChunks, bytes);
  }

  answerHeaders(headers: HeaderReader): void {
    this.#encoding = encodingOf(headers);
  }

  answer(bytes: Uint8Array): void {
    this.#keep(this.#answer, bytes);
  }

  ended(code: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { clock, onRecorded } = this.#parts;
    const tookMs = durationMs(Math.max(0, clock.monotonicMs() - this.#startedMs));
    this.hold();
    onRecorded(this, { chunks: this.#answer, encoding: this.#encoding, code, tookMs });
    this.release();
  }

  cancelled(): void {
    this.#drop('live-cancelled');
  }

  /** One more needs the bytes. */
  hold(): void {
    this.#holders += 1;
  }

  /** One of those that needed the bytes needs them no more. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#forget();
  }

  #keep(chunks: Uint8Array[], bytes: Uint8Array): void {
    if (!this.#isOpen || bytes.length === 0) return;
    const { budget, bytesMax } = this.#parts;
    if (this.#bytes + bytes.length > bytesMax) this.#drop('call-bytes');
    else if (!budget.take(bytes.length)) this.#drop('worker-bytes');
    else {
      this.#bytes += bytes.length;
      chunks.push(new Uint8Array(bytes));
    }
  }

  #drop(cause: ShadowDrop): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#forget();
    this.#parts.onDropped(this.plan, cause);
  }

  #forget(): void {
    this.#parts.budget.give(this.#bytes);
    this.#bytes = 0;
    this.requestChunks.length = 0;
    this.#answer.length = 0;
  }
}

/** How the messages behind a block of headers are compressed; a word that is not known leaves them unreadable, which is found out later. */
export function encodingOf(headers: HeaderReader): MessageEncoding {
  try {
    return parseEncoding(headers.get(HEADER.grpcEncoding));
  } catch {
    return 'identity';
  }
}
