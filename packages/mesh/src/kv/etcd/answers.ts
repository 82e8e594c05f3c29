import { durationMs, MeshError } from '@modelmesh/core';
import { GrpcStatusError, StreamResetError } from '@modelmesh/grpc/call';
import { GRPC_CODE } from '@modelmesh/wire/status';

/** What an error of a call says about the call. */
export type Evidence =
  /** The token is no longer good; the call had no effect. */
  | 'sign-in'
  /** The call did not reach a member that could act; it had no effect. */
  | 'not-reached'
  /** A definite answer, which another try would get again; it had no effect. */
  | 'refused'
  /** The call may have had its effect. */
  | 'perhaps';

/** Texts of etcd by which errors of one code are told apart. Source: etcd's `rpctypes`. */
const SIGN_IN = /invalid auth token|user name is empty|revision of auth store is old/;
const NO_LEADER = /no leader/;
const TOO_MANY = /too many requests/;
const FULL = /database space exceeded/;
const COMPACTED = /has been compacted/;
const FUTURE = /future revision/;
const LEASE_GONE = /lease not found/;

/** Reads the evidence in the error of a call. */
export function evidenceOf(error: unknown): Evidence {
  if (error instanceof StreamResetError) return error.reset.kind === 'connection-lost' ? 'perhaps' : 'not-reached';
  if (error instanceof GrpcStatusError) return evidenceOfStatus(error);
  // What this side refuses before it sends.
  if (error instanceof MeshError && (error.kind === 'overloaded' || error.kind === 'registry-unavailable')) return 'refused';
  return 'perhaps';
}

function evidenceOfStatus({ code, message }: GrpcStatusError): Evidence {
  if (SIGN_IN.test(message)) return 'sign-in';
  switch (code) {
    case GRPC_CODE.UNAVAILABLE:
      return NO_LEADER.test(message) ? 'not-reached' : 'perhaps';
    case GRPC_CODE.INVALID_ARGUMENT:
    case GRPC_CODE.NOT_FOUND:
    case GRPC_CODE.ALREADY_EXISTS:
    case GRPC_CODE.PERMISSION_DENIED:
    case GRPC_CODE.UNAUTHENTICATED:
    case GRPC_CODE.RESOURCE_EXHAUSTED:
    case GRPC_CODE.FAILED_PRECONDITION:
    case GRPC_CODE.OUT_OF_RANGE:
    case GRPC_CODE.UNIMPLEMENTED:
      return 'refused';
    default:
      return 'perhaps';
  }
}

const statusText = (error: unknown): string => (error instanceof GrpcStatusError ? error.message : '');

/** The history that was asked for is gone. */
export const isCompacted = (error: unknown): boolean => COMPACTED.test(statusText(error));
/** The revision that was asked for has not happened. */
export const isFuture = (error: unknown): boolean => FUTURE.test(statusText(error));
/** A put named a lease that does not live. */
export const isLeaseGone = (error: unknown): boolean => LEASE_GONE.test(statusText(error));
/** The answer was larger than this side takes. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof MeshError &&
  !(error instanceof GrpcStatusError) &&
  (error.kind === 'too-large' || error.kind === 'overloaded');

/** The error of the port for the error of a call. */
export function portError(error: unknown, member: string): MeshError {
  if (error instanceof GrpcStatusError) return portErrorOfStatus(error, member);
  if (error instanceof MeshError) {
    if (error.kind === 'overloaded' || error.kind === 'registry-unavailable' || error.kind === 'invalid-argument') return error;
    return new MeshError('registry-unavailable', `etcd at ${member} did not answer: ${error.message}`, { cause: error });
  }
  return new MeshError('registry-unavailable', `etcd at ${member} could not be asked`, { cause: error });
}

function portErrorOfStatus(error: GrpcStatusError, member: string): MeshError {
  const { code, message } = error;
  const cause = { cause: error };
  if (TOO_MANY.test(message)) {
    return new MeshError('overloaded', `etcd at ${member} has too many requests`, { ...cause, retryAfterMs: durationMs(1000) });
  }
  if (FULL.test(message)) {
    const what = 'compact and defragment it, or raise its quota, then disarm its alarm';
    return new MeshError('registry-unavailable', `etcd at ${member} has no space left (${message}); ${what}`, cause);
  }
  if (code === GRPC_CODE.PERMISSION_DENIED) {
    const what = 'grant the user read and write access to every key below the root prefix';
    return new MeshError('registry-unavailable', `etcd at ${member} refuses access (${message}); ${what}`, cause);
  }
  if (code === GRPC_CODE.INVALID_ARGUMENT || code === GRPC_CODE.RESOURCE_EXHAUSTED) {
    return new MeshError('invalid-argument', `etcd at ${member} refuses the request: ${message}`, cause);
  }
  return new MeshError('registry-unavailable', `etcd at ${member} answered ${message || `code ${code}`}`, cause);
}
