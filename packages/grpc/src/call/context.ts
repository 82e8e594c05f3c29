import type { MonotonicMs } from '@modelmesh/core';
import type { ConnectionInfo, HeaderBlock } from '../stream/index.ts';

/** What a handler knows of the call it answers. */
export interface CallContext {
  /** `/<package>.<Service>/<Method>`. */
  readonly path: string;
  /** The request's header block. */
  readonly headers: HeaderBlock;
  readonly peer: ConnectionInfo;
  /** Who calls, as the router's `identify` found it; `undefined` without one. */
  readonly principal: unknown;
  /** When the caller stops waiting; `undefined`: never. */
  readonly deadline: MonotonicMs | undefined;
  /** Aborts when the caller has gone or the deadline has passed; the reason is a `MeshError`. Made on first use. */
  readonly signal: AbortSignal;
  /** Adds a field to the response's headers: before the first response message. Bytes need a name that ends in `-bin`. */
  setHeader(name: string, value: string | Uint8Array): void;
  /** Adds a field to the response's trailers. Bytes need a name that ends in `-bin`. */
  setTrailer(name: string, value: string | Uint8Array): void;
}

/** One request, one response. */
export type UnaryHandler<Request, ResponseInit> = (
  request: Request,
  context: CallContext,
) => ResponseInit | Promise<ResponseInit>;
/** Many requests, one response. */
export type ClientStreamHandler<Request, ResponseInit> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => Promise<ResponseInit>;
/** One request, many responses. */
export type ServerStreamHandler<Request, ResponseInit> = (request: Request, context: CallContext) => AsyncIterable<ResponseInit>;
/** Many requests, many responses. */
export type BidiHandler<Request, ResponseInit> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<ResponseInit>;
