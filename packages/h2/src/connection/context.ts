import type { ErrorCode } from '../frames/index.ts';
import type { ConnectionEvents, ReceiveBudget } from './events.ts';
import type { ConnectionLimits, LimitName, RateName } from './limits.ts';
import type { OwnershipLedger } from './stream.ts';

/** What the parts of a connection know of the whole. */
export interface ConnectionContext {
  readonly side: 'client' | 'server';
  readonly limits: ConnectionLimits;
  readonly events: ConnectionEvents;
  readonly budget: ReceiveBudget;
  /** Debugging of ownership, for streams of the other side. */
  readonly makeLedger: (() => OwnershipLedger) | undefined;
  /** The instant of the call that is being answered. */
  readonly nowMs: number;
  /** Nothing more is told or sent. */
  readonly isOver: boolean;
  /** Ends the connection for what the other side did. */
  fail(code: ErrorCode, message: string, limit?: LimitName): void;
  /** Ends the connection for a frame whose stream id is none that it may have (RFC 9113 §5.1.1). */
  misused(message: string, code?: ErrorCode): void;
  /** Counts one more; above the rate the connection fails with ENHANCE_YOUR_CALM, and the answer is false. */
  meter(rate: RateName): boolean;
  /** A limit was passed that does not end the connection. */
  passed(limit: LimitName): void;
  /** There is something to take or to deliver. */
  work(): void;
  /** A stream is over. */
  streamGone(): void;
}
