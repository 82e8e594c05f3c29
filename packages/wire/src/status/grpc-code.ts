/** The status codes of gRPC by name. Source: gRPC's public documentation of status codes. */
export const GRPC_CODE = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** Name of a gRPC status code, such as `NOT_FOUND`. */
export type GrpcCodeName = keyof typeof GRPC_CODE;
/** A gRPC status code as it stands in `grpc-status`. */
export type GrpcCode = (typeof GRPC_CODE)[GrpcCodeName];

const NAMES = Object.keys(GRPC_CODE) as GrpcCodeName[];

/** The name of a code. */
export function grpcCodeName(code: GrpcCode): GrpcCodeName {
  return NAMES[code] ?? 'UNKNOWN';
}

/** The code of a number; UNKNOWN where gRPC has none of it. */
export function grpcCodeOf(code: number): GrpcCode {
  return NAMES[code] === undefined ? GRPC_CODE.UNKNOWN : (code as GrpcCode);
}

/** The code of a `grpc-status` value; anything that is not one of the seventeen is UNKNOWN, as gRPC asks of receivers. */
export function parseGrpcStatus(text: string): GrpcCode {
  if (text === '0') return GRPC_CODE.OK;
  return /^(?:[0-9]|1[0-6])$/.test(text) ? (Number(text) as GrpcCode) : GRPC_CODE.UNKNOWN;
}
