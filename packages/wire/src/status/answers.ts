import { type DurationMs, MeshError } from '@modelmesh/core';
import { ERROR_TABLE, KIND_OF_GRPC, kindOfHttpStatus } from './error-table.ts';
import { type GrpcCode, parseGrpcStatus } from './grpc-code.ts';
import { decodeGrpcMessage, encodeGrpcMessage } from './grpc-message.ts';

/** How an error ends a gRPC call. */
export interface GrpcStatus {
  readonly code: GrpcCode;
  /** As a person reads it, not percent-encoded. */
  readonly message: string;
}

/** The gRPC status of an error of ours. */
export const grpcStatusOf = (error: MeshError): GrpcStatus => ({ code: ERROR_TABLE[error.kind].grpc, message: error.message });

/** The HTTP status of an error of ours. */
export const httpStatusOf = (error: MeshError): number => ERROR_TABLE[error.kind].http;

/** `retry-after` of an HTTP answer in whole seconds, rounded up, at least 1; `undefined` where nothing is known. Source: RFC 9110 §10.2.3. */
export function retryAfterSeconds(retryAfterMs: DurationMs | undefined): string | undefined {
  return retryAfterMs === undefined ? undefined : String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

/** The longest `grpc-message` that an error of ours writes, encoded: every peer takes a header list of 8 KiB. */
export const GRPC_MESSAGE_CHARS_MAX = 4096;

/** A text as `grpc-message`, halved until it fits {@link GRPC_MESSAGE_CHARS_MAX}. */
function fittingMessage(text: string): string {
  let encoded = encodeGrpcMessage(text);
  for (let chars = text.length; encoded.length > GRPC_MESSAGE_CHARS_MAX; ) {
    chars = Math.floor(chars / 2);
    encoded = encodeGrpcMessage(`${text.slice(0, chars).toWellFormed()} …`);
  }
  return encoded;
}

/**
 * The trailers that end a gRPC call with an error of ours, as a flat list name, value, name, value: status, message and, when known, the
 * pause that gRPC's own retry policies obey.
 */
export function grpcTrailersOf(error: MeshError): string[] {
  const { code, message } = grpcStatusOf(error);
  const trailers = ['grpc-status', String(code)];
  if (message !== '') trailers.push('grpc-message', fittingMessage(message));
  if (error.retryAfterMs !== undefined) trailers.push('grpc-retry-pushback-ms', String(Math.ceil(error.retryAfterMs)));
  return trailers;
}

/** The status that the trailers of a gRPC answer name; `undefined` without `grpc-status`. */
export function readGrpcStatus(trailers: { get(name: string): string | undefined }): GrpcStatus | undefined {
  const status = trailers.get('grpc-status');
  if (status === undefined) return undefined;
  return { code: parseGrpcStatus(status), message: decodeGrpcMessage(trailers.get('grpc-message') ?? '') };
}

/** A failed gRPC call of another system as an error of ours; its message is kept as it is. */
export const errorOfGrpcStatus = (status: GrpcStatus): MeshError => new MeshError(KIND_OF_GRPC[status.code], status.message);

/** A failed HTTP call of another system as an error of ours. */
export const errorOfHttpStatus = (status: number, message: string): MeshError => new MeshError(kindOfHttpStatus(status), message);
