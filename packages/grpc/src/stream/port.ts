/**
 * The stream port: one request and its answer as two half-streams of bytes between header blocks, whatever engine carries them.
 *
 * Callbacks, never a promise, an iterable or a Duplex per request: this lies under every call. An engine is `node:http2` today and our
 * own frame engine tomorrow; both pass the contract suite beside this file.
 *
 * Laws: callbacks of one stream come in the order headers, data*, trailers?; each direction ends at most once; each stream ends in exactly
 * one of *closed* (both directions ended) or `onReset`; after that no callback comes and every method is a no-op.
 */
import type { MeshError } from '@modelmesh/core';

/**
 * How one block is made of another one: `front`, then its fields whose name `drops` does not accept, then `back`; both are flat lists name,
 * value, name, value …. Made once by `headerRecipe` and used for many blocks.
 */
export interface HeaderRecipe {
  readonly front: readonly string[];
  readonly drops: (name: string) => boolean;
  readonly back: readonly string[];
  /** The engine's own: what it needs of the recipe, made once. */
  prepared: unknown;
}

/** An ordered block of header fields. Names are lower case. Immutable; engines may keep it undecoded until it is asked. */
export interface HeaderBlock {
  /** Free for the one who reads the block, for what it found there: an engine may give the same object again where the same block comes again. */
  note: unknown;
  /** The first value of `name`, or `undefined`. */
  get(name: string): string | undefined;
  /** All values of `name`, in order. */
  getAll(name: string): readonly string[];
  /** All values of `name` as one, joined by `, ` (RFC 9110 §5.3), or `undefined`. Allocates nothing for a field that stands once. */
  joined(name: string): string | undefined;
  /** Flat list name, value, name, value … in the order of the wire, pseudo-header fields first. */
  raw(): readonly string[];
  /** A block with `name` set to the one `value`, at the end. */
  with(name: string, value: string): HeaderBlock;
  /** A block without the fields whose name `drops` accepts. */
  without(drops: (name: string) => boolean): HeaderBlock;
  /** The block that `recipe` makes of this one, without a field being decoded; an engine may give the same object for the same question. */
  derive(recipe: HeaderRecipe): HeaderBlock;
}

/** Why a stream ended before its time. */
export type ResetCause =
  /** The other side sent RST_STREAM with this HTTP/2 error code (RFC 9113 §7). */
  | { readonly kind: 'peer-reset'; readonly code: number }
  /** The other side never processed it: REFUSED_STREAM, or an id above the last one of its GOAWAY. Safe to try again. */
  | { readonly kind: 'unprocessed'; readonly why: 'refused-stream' | 'goaway' }
  /** The connection could not be made at all. Safe to try again. */
  | { readonly kind: 'connect-failed'; readonly message: string }
  /** The connection was lost with the stream in flight: perhaps processed. */
  | { readonly kind: 'connection-lost'; readonly message: string }
  /** Our own `reset`; reported so that every stream ends in exactly one way. */
  | { readonly kind: 'local-reset'; readonly code: number }
  /** The other side broke the protocol or a limit of ours and the engine has reset the stream; or our own headers are over it and were not sent. */
  | { readonly kind: 'protocol-error'; readonly message: string };

/** The share of a stream's receive window that an engine may credit before it was consumed. */
export const CREDIT_SLACK = 0.5;

/** RFC 9113 §7 error codes that callers of {@link ByteStream.reset} need. */
export const RESET_CODE = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  refusedStream: 0x7,
  cancel: 0x8,
  enhanceYourCalm: 0xb,
} as const;

/** Receives what happens on one stream. One object may serve many streams: the stream is always the first argument. */
export interface StreamHandler {
  /** Client side: the response headers. `end` when nothing follows (trailers-only). Server side: never called, headers come with the accept. */
  onHeaders(stream: ByteStream, headers: HeaderBlock, end: boolean): void;
  /** `bytes` belong to the receiver until it calls `consume` for them, and are never written again. */
  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void;
  /** The other direction is over with a trailing block. */
  onTrailers(stream: ByteStream, trailers: HeaderBlock): void;
  /** The stream is over, abnormally. */
  onReset(stream: ByteStream, cause: ResetCause): void;
  /** After `sendData` returned false: the socket took the bytes below its watermark. */
  onWritable(stream: ByteStream): void;
  /** Both directions ended normally. */
  onClosed(stream: ByteStream): void;
}

/** One half-open pair of byte streams. Created by {@link ClientConnection.open} or handed to an {@link AcceptStream}. */
export interface ByteStream {
  /** Free for the one owner: lets a handler object find its own state without a map. */
  owner: unknown;
  /** Server side: the response headers, once (a 1xx block is not sent here). Client side: a bug, headers go with `open`. */
  sendHeaders(headers: HeaderBlock, end: boolean): void;
  /** Takes ownership of `bytes`. False: stop until `onWritable`. Sending on regardless is bounded by the caller alone. */
  sendData(bytes: Uint8Array, end: boolean): boolean;
  /**
   * Ends our direction with a trailing block. Server: after headers; without data before it the block follows the headers at once.
   * Client: an engine may drop the block and only end the direction, since gRPC knows no request trailers.
   */
  sendTrailers(trailers: HeaderBlock): void;
  /**
   * Ends both directions at once with an RFC 9113 code. With `noError` after our direction was ended, what was given before is still
   * sent: a server's way of saying that it needs no more of the request (RFC 9113 §8.1).
   */
  reset(code: number): void;
  /**
   * Returns flow-control credit for `byteCount` bytes that `onData` delivered. Nothing else does. An engine may lend up to
   * {@link CREDIT_SLACK} of the stream's window, so a receiver that consumes nothing gets one and a half windows at most.
   */
  consume(byteCount: number): void;
}

/** What a server does with a new stream: returns the handler that will hear of it. `end`: the request has no body. */
export type AcceptStream = (
  stream: ByteStream,
  headers: HeaderBlock,
  end: boolean,
  connection: ServerConnection,
) => StreamHandler;

/**
 * Answers a stream whose header list is over the limit, in words of the protocol above; it is not accepted. Returns who hears the rest of it.
 */
export type RefuseStream = (stream: ByteStream, headers: HeaderBlock, end: boolean, error: MeshError) => StreamHandler;

/** Facts of an accepted connection that identity and logging need. */
export interface ConnectionInfo {
  readonly remoteAddress: string;
  /** Whether TLS protects the connection. */
  readonly encrypted: boolean;
  /** The verified certificate of the other side: subject in RFC 2253 form and subject alternative names; absent without one. */
  readonly clientCertificate: { readonly subject: string; readonly altNames: readonly string[] } | undefined;
}

/** One accepted connection. */
export interface ServerConnection {
  readonly info: ConnectionInfo;
  /** Streams that are open now. */
  readonly streamCount: number;
  /** GOAWAY, then ends by itself when the last stream is over. */
  drain(): void;
  /** Ends at once; streams in flight are reset. */
  destroy(): void;
  /** Called once, when the connection is gone. */
  onClose: (() => void) | undefined;
}

/** Named limits of a connection; each is enforced and refuses in a typed way. */
export interface StreamLimits {
  /** Streams that the other side may have open at once on one connection. */
  readonly streamsPerConnectionMax: number;
  /**
   * Bytes of one header list, as RFC 9113 §6.5.2 counts them. A server answers a longer one through {@link RefuseStream}, or resets the
   * stream with ENHANCE_YOUR_CALM: where it was given none, and where the list is so long that an engine does not read it to its end.
   */
  readonly headerListBytesMax: number;
  /** Receive window of one stream at its start, in bytes. */
  readonly streamWindowBytes: number;
  /** To which it grows while both sides keep up and the budget of what is not consumed has room; an engine may leave it as it is. */
  readonly streamWindowBytesMax: number;
  /** Receive window of a connection, in bytes. */
  readonly connectionWindowBytes: number;
  /** Calls that wait for a free stream on a client connection; beyond: `overloaded`. */
  readonly queuedStreamsMax: number;
}

/** Where a client connects to. */
export type ConnectTarget =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: ClientTls };

/** PEM material of a client; absent fields mean the system's trust and no certificate of our own. */
export interface ClientTls {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  /**
   * Trusts whoever shows a certificate that `ca` vouches for, whatever name it is for, and takes each certificate in `ca` as an authority of its own:
   * for systems that have authorities of their own and no names. Needs `ca`.
   */
  readonly anyName?: boolean;
}

/** The state of a client connection, as evidence for attempts and health. */
export type ClientConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  /** `epoch` grows by one with every connection that came up: one epoch is one life of the other side as far as we can tell. */
  | { readonly kind: 'ready'; readonly epoch: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'closed' };

/** One connection to one target, made on first use and made again after it was lost. */
export interface ClientConnection {
  readonly state: ClientConnectionState;
  /**
   * Opens a stream and sends its headers; queued within {@link StreamLimits.queuedStreamsMax} while connecting or at the peer's stream
   * limit. No callback comes before this returns. @throws {MeshError} `overloaded` when the queue is full: nothing was sent.
   */
  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream;
  /** Connects now instead of with the first stream. */
  connect(): void;
  /**
   * Sends a ping; `answered` is called with the round trip, or with `null` when the connection is lost first, or when so many wait for their answer
   * that it is not sent.
   */
  ping(answered: (roundTripMs: number | null) => void): void;
  /** Ends; streams in flight are reset. */
  close(): void;
  onState: ((state: ClientConnectionState) => void) | undefined;
}

/** An engine: turns sockets into streams. */
export interface StreamEngine {
  readonly name: string;
  /** Serves HTTP/2 on an accepted socket whose first bytes may already have been read and unshifted. */
  serve(
    socket: import('node:net').Socket,
    info: ConnectionInfo,
    limits: StreamLimits,
    accept: AcceptStream,
    refuse?: RefuseStream,
  ): ServerConnection;
  connect(target: ConnectTarget, limits: StreamLimits): ClientConnection;
}
