import type { ConnectionEnd } from './errors.ts';
import type { ConnectionEvents, ReceiveBudget } from './events.ts';
import type { ConnectionLimits } from './limits.ts';
import type { OwnershipLedger } from './stream.ts';

/** How far a connection is. */
export type Phase =
  /** Of a server: so many octets of the client's preface have come (RFC 9113 §3.4). */
  | { readonly kind: 'preface'; matchedBytes: number }
  /** The first frame of the other side has to be SETTINGS. */
  | { readonly kind: 'settings' }
  | { readonly kind: 'open' }
  | { readonly kind: 'over'; readonly end: ConnectionEnd };

/** Whether we have said that we go: first that no further stream is wanted, and a round trip later which was the last (RFC 9113 §6.8). */
export type Leaving = 'staying' | 'announced' | 'leaving';

/** What a connection is made of. */
export interface ConnectionSetup {
  readonly side: 'client' | 'server';
  readonly events: ConnectionEvents;
  readonly budget: ReceiveBudget;
  /** A clock that never goes back, at this instant. */
  readonly nowMs: number;
  /** What differs from {@link DEFAULT_CONNECTION_LIMITS}. */
  readonly limits?: Partial<ConnectionLimits>;
  /** Debugging of ownership, for each stream of the other side. */
  readonly makeLedger?: (() => OwnershipLedger) | undefined;
}
