import type { DurationMs, MeshError } from '@modelmesh/core';
import { errorMapping, type GrpcCode, HTTP_OF_GRPC } from '@modelmesh/wire/status';

/** How a call failed: for its answer, and for the metrics. */
export interface Failure {
  readonly http: number;
  readonly grpc: GrpcCode;
  readonly message: string;
  readonly retryAfterMs: DurationMs | undefined;
}

/** An error of the mesh. */
export function failureOf(error: MeshError): Failure {
  const { grpc, http } = errorMapping(error.kind);
  return { http, grpc, message: error.message, retryAfterMs: error.retryAfterMs };
}

/** What the runtime answered in place of a result; its sentence passes as it is. */
export function failureOfStatus(code: GrpcCode, message: string): Failure {
  return { http: HTTP_OF_GRPC[code], grpc: code, message, retryAfterMs: undefined };
}
