import { GRPC_CODE, type GrpcCode } from './grpc-code.ts';

/**
 * The HTTP status of an answer whose gRPC call ended with `code`, for REST in front of a gRPC runtime. Where a code is also that of an
 * error of ours, the status is the same as in the table of errors.
 */
export const HTTP_OF_GRPC: Readonly<Record<GrpcCode, number>> = {
  [GRPC_CODE.OK]: 200,
  [GRPC_CODE.CANCELLED]: 499,
  [GRPC_CODE.UNKNOWN]: 500,
  [GRPC_CODE.INVALID_ARGUMENT]: 400,
  [GRPC_CODE.DEADLINE_EXCEEDED]: 504,
  [GRPC_CODE.NOT_FOUND]: 404,
  [GRPC_CODE.ALREADY_EXISTS]: 409,
  [GRPC_CODE.PERMISSION_DENIED]: 403,
  [GRPC_CODE.RESOURCE_EXHAUSTED]: 429,
  [GRPC_CODE.FAILED_PRECONDITION]: 409,
  [GRPC_CODE.ABORTED]: 409,
  [GRPC_CODE.OUT_OF_RANGE]: 400,
  [GRPC_CODE.UNIMPLEMENTED]: 501,
  [GRPC_CODE.INTERNAL]: 500,
  [GRPC_CODE.UNAVAILABLE]: 503,
  [GRPC_CODE.DATA_LOSS]: 500,
  [GRPC_CODE.UNAUTHENTICATED]: 401,
};

/**
 * The gRPC code of an HTTP answer without `grpc-status`: something between the two ends answered. Source: gRPC's public document on HTTP
 * to gRPC status code mapping.
 */
export function grpcOfHttpStatus(status: number): GrpcCode {
  switch (status) {
    case 400:
      return GRPC_CODE.INTERNAL;
    case 401:
      return GRPC_CODE.UNAUTHENTICATED;
    case 403:
      return GRPC_CODE.PERMISSION_DENIED;
    case 404:
      return GRPC_CODE.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GRPC_CODE.UNAVAILABLE;
    default:
      return GRPC_CODE.UNKNOWN;
  }
}
