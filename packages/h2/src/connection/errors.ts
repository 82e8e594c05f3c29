import { ERROR_CODE, type ErrorCode } from '../frames/index.ts';
import type { LimitName } from './limits.ts';

/** What the other side did that ends the connection (RFC 9113 §5.4.1) or one stream (§5.4.2). */
export type H2Error =
  | { readonly kind: 'connection'; readonly code: ErrorCode; readonly message: string; readonly limit: LimitName | undefined }
  | {
      readonly kind: 'stream';
      readonly streamId: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly limit: LimitName | undefined;
    };

/** The part of {@link H2Error} that ends everything. */
export type ConnectionError = Extract<H2Error, { kind: 'connection' }>;

/** Why a connection is over. */
export type ConnectionEnd =
  /** The other side broke the protocol or a limit of ours; it was told by GOAWAY. */
  | { readonly kind: 'error'; readonly error: ConnectionError }
  /** The other side said GOAWAY with an error, or the socket went. */
  | { readonly kind: 'lost'; readonly message: string }
  /** Ended by us, or by agreement. */
  | { readonly kind: 'closed' };

/** Why a stream ended before its time. */
export type StreamEnd =
  /** RST_STREAM of the other side. */
  | { readonly kind: 'peer-reset'; readonly code: ErrorCode }
  /** The other side never processed it: REFUSED_STREAM, or an id above the last one of its GOAWAY (RFC 9113 §8.7). */
  | { readonly kind: 'unprocessed'; readonly why: 'refused-stream' | 'goaway' }
  | { readonly kind: 'connection-lost'; readonly message: string }
  | { readonly kind: 'local-reset'; readonly code: ErrorCode }
  /** The other side broke the protocol or a limit of ours and the stream was reset. */
  | { readonly kind: 'protocol-error'; readonly message: string };

/** What the end of a connection is to the streams that live. */
export function streamEndOf(end: ConnectionEnd): StreamEnd {
  switch (end.kind) {
    case 'closed':
      return { kind: 'local-reset', code: ERROR_CODE.cancel };
    case 'lost':
      return { kind: 'connection-lost', message: end.message };
    case 'error':
      return { kind: 'connection-lost', message: end.error.message };
  }
}
