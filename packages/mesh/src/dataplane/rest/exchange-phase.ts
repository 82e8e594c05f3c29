import { assertNever, type MonotonicMs } from '@modelmesh/core';
import type { AnswerOrigin } from '../call/index.ts';

/** A running call, as far as the exchange must know it. */
export interface RunningCall {
  cancel(): void;
  /** Where the answer comes from; `undefined` before it set off. */
  readonly origin: AnswerOrigin | undefined;
}

/** How far an exchange has come. */
export type ExchangePhase =
  | { readonly kind: 'new' }
  /** The registry itself is asked for the name. */
  | { readonly kind: 'asking' }
  /** The copy is being loaded; the body stays where it is. */
  | { readonly kind: 'locating'; readonly sinceMs: MonotonicMs }
  /** A large body waits for its turn. */
  | { readonly kind: 'queued' }
  | { readonly kind: 'reading' }
  | { readonly kind: 'inflating' }
  | { readonly kind: 'describing'; readonly body: Uint8Array }
  | { readonly kind: 'calling'; readonly call: RunningCall }
  | { readonly kind: 'over' };

/** What an exchange was doing, as the end of a sentence; empty where that says nothing. */
export function doing({ kind }: ExchangePhase): string {
  switch (kind) {
    case 'asking':
      return ' while the registry was asked for the model';
    case 'locating':
      return ' while the model was being loaded';
    case 'queued':
      return ' while the body waited for its turn';
    case 'reading':
      return ' before the body had arrived';
    case 'describing':
      return ' while the model was asked for its metadata';
    case 'new':
    case 'inflating':
    case 'calling':
    case 'over':
      return '';
    default:
      return assertNever(kind);
  }
}
