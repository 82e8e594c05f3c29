/** What is known when an attempt of a call has ended, and what may follow. */

import type { MeshErrorKind } from '../errors.ts';
import type { DurationMs, InstanceId } from '../units.ts';

/** How an attempt ended without an answer that is the client's own. */
export type Evidence =
  // Provably unprocessed.
  | { readonly kind: 'connect-refused' }
  | { readonly kind: 'refused-stream' }
  /** The stream's id is above the last one that a GOAWAY names. */
  | { readonly kind: 'goaway-unprocessed' }
  /** The peer has no such copy, or the local slot was no longer serving. */
  | { readonly kind: 'not-here' }
  /** The copy was to be loaded and could not be; `error` is what a caller would be told. */
  | { readonly kind: 'load-failed'; readonly error: MeshErrorKind; readonly message: string }
  /** The peer would not take the call (its runtime is away, a queue is full, it shuts down); `error` is what a caller would be told. */
  | { readonly kind: 'refused-by-peer'; readonly error: MeshErrorKind; readonly message: string }
  /** The load was given up for another reason (evicted before loaded, claim lost): asking control again is sound. */
  | { readonly kind: 'displaced'; readonly message: string }
  /** The local runtime is down and the attempt was not sent. */
  | { readonly kind: 'runtime-down' }
  // Perhaps executed.
  | { readonly kind: 'connection-lost' }
  /** The attempt's share of the deadline passed. */
  | { readonly kind: 'attempt-timeout' }
  /** The runtime answered with a status that is not OK: gRPC code and message. */
  | { readonly kind: 'runtime-status'; readonly code: number; readonly message: string }
  // The end, whatever was executed.
  | { readonly kind: 'deadline-passed' }
  | { readonly kind: 'cancelled' };

/** Who was asked. */
export interface AttemptTarget {
  readonly instance: InstanceId;
  /** True if it was the runtime of this very node. */
  readonly local: boolean;
}

/** An attempt that ended. */
export interface EndedAttempt {
  readonly target: AttemptTarget;
  readonly evidence: Evidence;
}

/** The facts about a call that decide whether it may be repeated. */
export interface CallFacts {
  /** All of the request is still held (≤ 256 KiB, one message). */
  readonly replayable: boolean;
  /** A byte of the response was given to the client. */
  readonly responseForwarded: boolean;
  /** `spec.retry` of the model. */
  readonly modelRetry: 'safe' | 'never';
  /** `mm-retry: never` was sent with the call. */
  readonly callRetry: 'safe' | 'never';
  /** Until the call's deadline; null: none. */
  readonly remainingMs: DurationMs | null;
  /** Another copy, or another instance that could load one, has not been tried. */
  readonly elsewhere: boolean;
  /** The model's retry budget has a token (see `RetryBudget`). */
  readonly budgetLeft: boolean;
}

/** Everything before the evidence that is judged now. */
export interface AttemptHistory {
  readonly call: CallFacts;
  /** Earlier attempts, oldest first. */
  readonly ended: readonly EndedAttempt[];
  /** The attempt that ended just now. */
  readonly current: AttemptTarget;
}

/** What every repetition carries. */
interface Repetition {
  /** Time for the next attempt; null: no deadline. */
  readonly attemptTimeoutMs: DurationMs | null;
  /** True if it takes a token from the model's budget. */
  readonly charged: boolean;
  readonly because: string;
}

/** What to do next. */
export type NextAttempt =
  /** Ask control for the model again, this instance included. */
  | ({ readonly kind: 'retry-same' } & Repetition)
  /** Ask again without the instances that were tried. */
  | ({ readonly kind: 'retry-other' } & Repetition)
  /** The runtime lost the model: forget the copy, load it again, then repeat. */
  | ({ readonly kind: 'purge-and-reload' } & Repetition)
  /** Repeat at a copy elsewhere that answers; without one wait, in the bounded queue and within `attemptTimeoutMs`, for the local runtime to come back. */
  | ({ readonly kind: 'wait-for-runtime' } & Repetition)
  /** The mesh's own error; the message says why the call was not repeated. */
  | { readonly kind: 'fail'; readonly error: MeshErrorKind; readonly message: string; readonly whyNotRepeated: string }
  /** The runtime's status, message, details and trailers go to the client byte for byte; `purge`: the copy is to be forgotten all the same. */
  | { readonly kind: 'pass-through'; readonly purge: boolean };

/** What to do next, where nothing is repeated any more. */
export type EndOfCall = Extract<NextAttempt, { readonly kind: 'fail' | 'pass-through' }>;
