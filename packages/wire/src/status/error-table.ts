import type { MeshErrorKind } from '@modelmesh/core';
import { GRPC_CODE, type GrpcCode } from './grpc-code.ts';

/** Whether the same call may succeed later: at once elsewhere, after a pause, or never without a change. */
export type RetryHint = 'elsewhere' | 'later' | 'never';

/** How one kind of error looks to callers. */
export interface ErrorMapping {
  readonly grpc: GrpcCode;
  /** Status of an HTTP answer. */
  readonly http: number;
  readonly retry: RetryHint;
}

/**
 * The one table of errors. gRPC codes are ModelMesh's (spec `modelmesh.md` §1.2), except that what ModelMesh reports as INTERNAL after its
 * attempts are exhausted is UNAVAILABLE; HTTP statuses are those of RFC 9110 and, for a caller that went away, the customary 499.
 */
export const ERROR_TABLE = {
  'invalid-argument': { grpc: GRPC_CODE.INVALID_ARGUMENT, http: 400, retry: 'never' },
  'model-not-found': { grpc: GRPC_CODE.NOT_FOUND, http: 404, retry: 'never' },
  'endpoint-not-found': { grpc: GRPC_CODE.NOT_FOUND, http: 404, retry: 'never' },
  'not-found': { grpc: GRPC_CODE.NOT_FOUND, http: 404, retry: 'never' },
  'already-exists': { grpc: GRPC_CODE.ALREADY_EXISTS, http: 409, retry: 'never' },
  'failed-precondition': { grpc: GRPC_CODE.FAILED_PRECONDITION, http: 409, retry: 'never' },
  'load-failed': { grpc: GRPC_CODE.INTERNAL, http: 503, retry: 'later' },
  'no-capacity': { grpc: GRPC_CODE.RESOURCE_EXHAUSTED, http: 503, retry: 'later' },
  overloaded: { grpc: GRPC_CODE.RESOURCE_EXHAUSTED, http: 429, retry: 'later' },
  'too-large': { grpc: GRPC_CODE.RESOURCE_EXHAUSTED, http: 413, retry: 'never' },
  'unsupported-method': { grpc: GRPC_CODE.UNIMPLEMENTED, http: 501, retry: 'never' },
  'unsupported-encoding': { grpc: GRPC_CODE.UNIMPLEMENTED, http: 415, retry: 'never' },
  'unsupported-media-type': { grpc: GRPC_CODE.INVALID_ARGUMENT, http: 415, retry: 'never' },
  'method-not-allowed': { grpc: GRPC_CODE.UNIMPLEMENTED, http: 405, retry: 'never' },
  unauthenticated: { grpc: GRPC_CODE.UNAUTHENTICATED, http: 401, retry: 'never' },
  'permission-denied': { grpc: GRPC_CODE.PERMISSION_DENIED, http: 403, retry: 'never' },
  'deadline-exceeded': { grpc: GRPC_CODE.DEADLINE_EXCEEDED, http: 504, retry: 'never' },
  cancelled: { grpc: GRPC_CODE.CANCELLED, http: 499, retry: 'never' },
  unavailable: { grpc: GRPC_CODE.UNAVAILABLE, http: 503, retry: 'elsewhere' },
  'registry-unavailable': { grpc: GRPC_CODE.UNAVAILABLE, http: 503, retry: 'later' },
  'not-here': { grpc: GRPC_CODE.UNAVAILABLE, http: 503, retry: 'elsewhere' },
  internal: { grpc: GRPC_CODE.INTERNAL, http: 500, retry: 'never' },
} as const satisfies Record<MeshErrorKind, ErrorMapping>;

/** Every kind of error, in the order of the table. */
export const ERROR_KINDS: readonly MeshErrorKind[] = Object.keys(ERROR_TABLE) as MeshErrorKind[];

/** Whether a word is one of our kinds of error. */
export const isErrorKind = (word: string): word is MeshErrorKind => Object.hasOwn(ERROR_TABLE, word);

/** How an error of `kind` looks to callers. */
export const errorMapping = (kind: MeshErrorKind): ErrorMapping => ERROR_TABLE[kind];

/** The kind that stands for a failed gRPC call of which nothing but the code is known; OK and UNKNOWN are nobody's wish: `internal`. */
export const KIND_OF_GRPC: Readonly<Record<GrpcCode, MeshErrorKind>> = {
  [GRPC_CODE.OK]: 'internal',
  [GRPC_CODE.CANCELLED]: 'cancelled',
  [GRPC_CODE.UNKNOWN]: 'internal',
  [GRPC_CODE.INVALID_ARGUMENT]: 'invalid-argument',
  [GRPC_CODE.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [GRPC_CODE.NOT_FOUND]: 'not-found',
  [GRPC_CODE.ALREADY_EXISTS]: 'already-exists',
  [GRPC_CODE.PERMISSION_DENIED]: 'permission-denied',
  [GRPC_CODE.RESOURCE_EXHAUSTED]: 'overloaded',
  [GRPC_CODE.FAILED_PRECONDITION]: 'failed-precondition',
  [GRPC_CODE.ABORTED]: 'failed-precondition',
  [GRPC_CODE.OUT_OF_RANGE]: 'invalid-argument',
  [GRPC_CODE.UNIMPLEMENTED]: 'unsupported-method',
  [GRPC_CODE.INTERNAL]: 'internal',
  [GRPC_CODE.UNAVAILABLE]: 'unavailable',
  [GRPC_CODE.DATA_LOSS]: 'internal',
  [GRPC_CODE.UNAUTHENTICATED]: 'unauthenticated',
};

const KIND_OF_HTTP: ReadonlyMap<number, MeshErrorKind> = new Map([
  [400, 'invalid-argument'],
  [401, 'unauthenticated'],
  [403, 'permission-denied'],
  [404, 'not-found'],
  [405, 'method-not-allowed'],
  [408, 'deadline-exceeded'],
  [409, 'failed-precondition'],
  [412, 'failed-precondition'],
  [413, 'too-large'],
  [415, 'unsupported-media-type'],
  [422, 'invalid-argument'],
  [429, 'overloaded'],
  [499, 'cancelled'],
  [501, 'unsupported-method'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [504, 'deadline-exceeded'],
]);

/** The kind that stands for a failed HTTP call of which nothing but the status is known. */
export function kindOfHttpStatus(status: number): MeshErrorKind {
  return KIND_OF_HTTP.get(status) ?? (status >= 400 && status < 500 ? 'invalid-argument' : 'internal');
}
