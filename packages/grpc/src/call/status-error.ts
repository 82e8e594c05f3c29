import { assertNever, MeshError } from '@modelmesh/core';
import { decodeBinaryHeader } from '@modelmesh/wire/headers';
import {
  encodeGrpcMessage,
  GRPC_CODE,
  type GrpcCode,
  grpcOfHttpStatus,
  grpcTrailersOf,
  KIND_OF_GRPC,
  readGrpcStatus,
} from '@modelmesh/wire/status';
import { type HeaderBlock, headerBlock, type ResetCause } from '../stream/index.ts';

const DETAILS = 'grpc-status-details-bin';
const NO_TRAILERS = headerBlock([]);
/** Fields that say how the call ended; all others in a trailing block are the application's. */
const isStatusField = (name: string): boolean => name === 'grpc-status' || name === 'grpc-message' || name.startsWith(':');

/** What a {@link GrpcStatusError} may carry besides code and message. */
export interface StatusErrorOptions {
  /** The application's trailers, `grpc-status-details-bin` included. */
  readonly trailers?: HeaderBlock;
  readonly cause?: unknown;
}

/**
 * An error with a gRPC status of its own, as another system sent it or as a handler wants it sent: code, message and trailers pass
 * unchanged. Its kind is what the code most likely means.
 */
export class GrpcStatusError extends MeshError {
  readonly code: GrpcCode;
  readonly trailers: HeaderBlock;

  constructor(code: GrpcCode, message: string, options: StatusErrorOptions = {}) {
    super(KIND_OF_GRPC[code], message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.trailers = options.trailers ?? NO_TRAILERS;
  }

  /** The bytes of `google.rpc.Status` that came with the error, if any. */
  get details(): Uint8Array | undefined {
    const value = this.trailers.get(DETAILS);
    return value === undefined ? undefined : decodeBinaryHeader(value);
  }
}

/** The call's stream ended before its answer; `reset` is the evidence whether the other side may have acted on it. */
export class StreamResetError extends MeshError {
  readonly reset: ResetCause;

  constructor(reset: ResetCause, message: string) {
    super('unavailable', message);
    this.reset = reset;
  }
}

/** The trailing fields that end a call with `error`. */
export function trailersOfError(error: MeshError): string[] {
  if (!(error instanceof GrpcStatusError)) return grpcTrailersOf(error);
  const fields = ['grpc-status', String(error.code)];
  if (error.message !== '') fields.push('grpc-message', encodeGrpcMessage(error.message));
  fields.push(...error.trailers.without(isStatusField).raw());
  return fields;
}

/**
 * How a call ended by its trailing block, which in a trailers-only answer is the response's header block: `undefined` for OK.
 * Without `grpc-status` the HTTP status decides, when it is known and no success; otherwise the answer is broken off: INTERNAL.
 */
export function errorOfTrailers(block: HeaderBlock, httpStatus: string | undefined): MeshError | undefined {
  const status = readGrpcStatus(block);
  if (status === undefined) {
    if (httpStatus === undefined || httpStatus === '200') {
      return new GrpcStatusError(GRPC_CODE.INTERNAL, 'the answer ended without a grpc-status');
    }
    const code = grpcOfHttpStatus(Number(httpStatus));
    return new GrpcStatusError(code, `the answer has HTTP status ${httpStatus} and no grpc-status`);
  }
  if (status.code === GRPC_CODE.OK) return undefined;
  return new GrpcStatusError(status.code, status.message, { trailers: block.without(isStatusField) });
}

const CODE_OF_RESET: ReadonlyMap<number, GrpcCode> = new Map([
  [0x7, GRPC_CODE.UNAVAILABLE],
  [0x8, GRPC_CODE.CANCELLED],
  [0xb, GRPC_CODE.RESOURCE_EXHAUSTED],
  [0xc, GRPC_CODE.PERMISSION_DENIED],
]);

/** The error of a call whose stream was reset. Source: gRPC over HTTP/2, *Errors*. */
export function errorOfReset(cause: ResetCause): MeshError {
  switch (cause.kind) {
    case 'peer-reset': {
      const code = CODE_OF_RESET.get(cause.code) ?? GRPC_CODE.INTERNAL;
      return new GrpcStatusError(code, `the other side reset the stream with HTTP/2 code ${cause.code}`);
    }
    case 'unprocessed':
      return new StreamResetError(cause, `the other side did not process the call (${cause.why})`);
    case 'connect-failed':
      return new StreamResetError(cause, `no connection: ${cause.message}`);
    case 'connection-lost':
      return new StreamResetError(cause, `the connection was lost during the call: ${cause.message}`);
    case 'local-reset':
      return new MeshError('cancelled', 'the call was cancelled');
    case 'protocol-error':
      return new MeshError('internal', `the stream broke the protocol: ${cause.message}`);
    default:
      return assertNever(cause);
  }
}
