import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { headerBlock } from '../stream/index.ts';
import { errorOfReset, errorOfTrailers, GrpcStatusError, trailersOfError } from './status-error.ts';

test('status 0 is no error', () => {
  assert.equal(errorOfTrailers(headerBlock(['grpc-status', '0']), '200'), undefined);
});

test('code, message, details and trailers of an answer are kept, and written again as they came', () => {
  const fields = ['grpc-status', '8', 'grpc-message', 'zu viel%21 %C3%BC', 'grpc-status-details-bin', 'AQID', 'x', 'y'];
  const error = errorOfTrailers(headerBlock(fields), '200');
  assert.ok(error instanceof GrpcStatusError);
  assert.equal(error.code, GRPC_CODE.RESOURCE_EXHAUSTED);
  assert.equal(error.message, 'zu viel! ü');
  assert.deepEqual([...(error.details ?? [])], [1, 2, 3]);
  assert.deepEqual(trailersOfError(error), ['grpc-status', '8', 'grpc-message', 'zu viel! %C3%BC', ...fields.slice(4)]);
});

test('without a grpc-status the HTTP status decides, and a success without one is broken', () => {
  const code = (httpStatus: string | undefined): unknown => {
    const error = errorOfTrailers(headerBlock([]), httpStatus);
    return error instanceof GrpcStatusError ? error.code : error;
  };
  assert.equal(code('503'), GRPC_CODE.UNAVAILABLE);
  assert.equal(code('401'), GRPC_CODE.UNAUTHENTICATED);
  assert.equal(code('404'), GRPC_CODE.UNIMPLEMENTED);
  assert.equal(code('418'), GRPC_CODE.UNKNOWN);
  assert.equal(code('200'), GRPC_CODE.INTERNAL);
  assert.equal(code(undefined), GRPC_CODE.INTERNAL);
});

test('an error of ours gets the trailers of its kind', () => {
  assert.deepEqual(trailersOfError(new MeshError('model-not-found', 'no model m')), [
    'grpc-status',
    '5',
    'grpc-message',
    'no model m',
  ]);
});

test('resets are told apart by what they prove', () => {
  const kinds = [
    errorOfReset({ kind: 'unprocessed', why: 'goaway' }),
    errorOfReset({ kind: 'connect-failed', message: 'refused' }),
    errorOfReset({ kind: 'connection-lost', message: 'gone' }),
    errorOfReset({ kind: 'local-reset', code: 8 }),
    errorOfReset({ kind: 'protocol-error', message: 'limit' }),
    errorOfReset({ kind: 'peer-reset', code: 8 }),
    errorOfReset({ kind: 'peer-reset', code: 11 }),
    errorOfReset({ kind: 'peer-reset', code: 0 }),
  ].map(({ kind }) => kind);
  assert.deepEqual(kinds, [
    'unavailable',
    'unavailable',
    'unavailable',
    'cancelled',
    'internal',
    'cancelled',
    'overloaded',
    'internal',
  ]);
});
