import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, instanceId, MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import {
  decodeGrpcMessage,
  decodePeerError,
  ERROR_KINDS,
  ERROR_TABLE,
  encodeGrpcMessage,
  encodePeerError,
  errorMapping,
  errorOfGrpcStatus,
  errorOfHttpStatus,
  GRPC_CODE,
  GRPC_MESSAGE_CHARS_MAX,
  grpcCodeName,
  grpcOfHttpStatus,
  grpcTrailersOf,
  HTTP_OF_GRPC,
  httpStatusOf,
  KIND_OF_GRPC,
  PEER_ERROR_ATTEMPTS_MAX,
  PEER_ERROR_DETAIL_CHARS_MAX,
  PEER_ERROR_TRAILER_CHARS_MAX,
  type PeerError,
  parseGrpcStatus,
  peerAttemptOf,
  readGrpcStatus,
  retryAfterSeconds,
} from './index.ts';

const trailers = (flat: readonly string[]) => ({
  get: (name: string) => {
    const at = flat.findIndex((text, index) => index % 2 === 0 && text === name);
    return at < 0 ? undefined : flat[at + 1];
  },
});

describe('the table of errors', () => {
  it('gives the codes of ModelMesh for what ModelMesh reports', () => {
    const codes = (
      [
        'invalid-argument',
        'already-exists',
        'model-not-found',
        'failed-precondition',
        'load-failed',
        'deadline-exceeded',
      ] as const
    ).map((kind) => grpcCodeName(errorMapping(kind).grpc));
    assert.deepEqual(codes, [
      'INVALID_ARGUMENT',
      'ALREADY_EXISTS',
      'NOT_FOUND',
      'FAILED_PRECONDITION',
      'INTERNAL',
      'DEADLINE_EXCEEDED',
    ]);
  });

  it('gives HTTP callers the status that names what is wrong', () => {
    const statuses = Object.fromEntries(ERROR_KINDS.map((kind) => [kind, httpStatusOf(new MeshError(kind, ''))]));
    assert.deepEqual(
      [
        statuses['invalid-argument'],
        statuses['model-not-found'],
        statuses['method-not-allowed'],
        statuses['already-exists'],
        statuses['too-large'],
      ],
      [400, 404, 405, 409, 413],
    );
    assert.deepEqual(
      [
        statuses['unsupported-media-type'],
        statuses.overloaded,
        statuses.cancelled,
        statuses['unsupported-method'],
        statuses.unavailable,
      ],
      [415, 429, 499, 501, 503],
    );
    assert.deepEqual([statuses['load-failed'], statuses['deadline-exceeded'], statuses.internal], [503, 504, 500]);
  });

  it('never calls an error OK', () => {
    assert.deepEqual(
      ERROR_KINDS.filter((kind) => errorMapping(kind).grpc === GRPC_CODE.OK || errorMapping(kind).http < 400),
      [],
    );
  });

  it('comes back from gRPC as an error with the same code', () => {
    for (const code of Object.values(GRPC_CODE)) {
      const error = errorOfGrpcStatus({ code, message: 'as it was' });
      assert.equal(error.message, 'as it was');
      // Codes that no error of ours has are shown by their nearest kin.
      const kin = {
        UNKNOWN: 'INTERNAL',
        OK: 'INTERNAL',
        DATA_LOSS: 'INTERNAL',
        ABORTED: 'FAILED_PRECONDITION',
        OUT_OF_RANGE: 'INVALID_ARGUMENT',
      };
      const name = grpcCodeName(code);
      assert.equal(grpcCodeName(ERROR_TABLE[error.kind].grpc), name in kin ? kin[name as keyof typeof kin] : name);
    }
  });

  it('agrees with the status that REST gives to a runtime’s code, wherever the code is one of ours', () => {
    for (const code of Object.values(GRPC_CODE)) {
      if (code === GRPC_CODE.OK) continue;
      assert.equal(errorMapping(KIND_OF_GRPC[code]).http, HTTP_OF_GRPC[code], grpcCodeName(code));
    }
    assert.equal(HTTP_OF_GRPC[GRPC_CODE.OK], 200);
  });

  it('comes back from HTTP as an error with the same status or its class', () => {
    const roundTrip = [400, 401, 403, 404, 405, 413, 415, 429, 499, 501, 503, 504].map((status) => [
      status,
      httpStatusOf(errorOfHttpStatus(status, '')),
    ]);
    assert.deepEqual(
      roundTrip.filter(([before, after]) => before !== after),
      [],
    );
    assert.equal(errorOfHttpStatus(418, '').kind, 'invalid-argument');
    assert.equal(errorOfHttpStatus(599, '').kind, 'internal');
  });
});

describe('gRPC status in trailers', () => {
  it('carries code, message and the pause before another try', () => {
    const error = new MeshError('overloaded', 'queue of “m” is full', { retryAfterMs: durationMs(1500.2) });
    const flat = grpcTrailersOf(error);
    assert.deepEqual(flat, [
      'grpc-status',
      '8',
      'grpc-message',
      'queue of %E2%80%9Cm%E2%80%9D is full',
      'grpc-retry-pushback-ms',
      '1501',
    ]);
    assert.deepEqual(readGrpcStatus(trailers(flat)), { code: 8, message: 'queue of “m” is full' });
  });

  it('cuts a message of ours that would not fit a header list', () => {
    for (const text of ['x'.repeat(GRPC_MESSAGE_CHARS_MAX + 1), '🜚'.repeat(GRPC_MESSAGE_CHARS_MAX)]) {
      const flat = grpcTrailersOf(new MeshError('internal', text));
      assert.ok((flat[3] ?? '').length <= GRPC_MESSAGE_CHARS_MAX);
      assert.match(readGrpcStatus(trailers(flat))?.message ?? '', /^(x{1000,}|🜚{100,}) …$/u);
    }
    const fits = 'x'.repeat(GRPC_MESSAGE_CHARS_MAX);
    assert.equal(readGrpcStatus(trailers(grpcTrailersOf(new MeshError('internal', fits))))?.message, fits);
  });

  it('is absent without grpc-status, and UNKNOWN when it is not a code', () => {
    assert.equal(readGrpcStatus(trailers([])), undefined);
    for (const bad of ['', '17', '-1', '03', 'x', '99999999999']) assert.equal(parseGrpcStatus(bad), GRPC_CODE.UNKNOWN, bad);
    for (const code of Object.values(GRPC_CODE)) assert.equal(parseGrpcStatus(String(code)), code);
  });

  it('maps HTTP answers that carry none as gRPC asks', () => {
    const codes = [400, 401, 403, 404, 429, 502, 503, 504, 200, 500].map((status) => grpcCodeName(grpcOfHttpStatus(status)));
    const unavailable = ['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE'];
    assert.deepEqual(codes, [
      'INTERNAL',
      'UNAUTHENTICATED',
      'PERMISSION_DENIED',
      'UNIMPLEMENTED',
      ...unavailable,
      'UNKNOWN',
      'UNKNOWN',
    ]);
  });

  it('gives HTTP callers whole seconds to wait, at least one', () => {
    assert.deepEqual([undefined, durationMs(0), durationMs(1), durationMs(2001)].map(retryAfterSeconds), [
      undefined,
      '1',
      '1',
      '3',
    ]);
  });
});

describe('percent-encoding of grpc-message', () => {
  it('gives back every well-formed text and uses visible ASCII alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeGrpcMessage(text);
        assert.match(encoded, /^[ -~]*$/);
        assert.equal(decodeGrpcMessage(encoded), text);
      }),
    );
  });

  it('lets a stray percent sign stand for itself', () => {
    assert.equal(decodeGrpcMessage('100% of %zz %4 %41'), '100% of %zz %4 A');
    assert.equal(decodeGrpcMessage('%ff'), '\ufffd');
    assert.equal(encodeGrpcMessage('a%b\n'), 'a%25b%0A');
  });
});

describe('what nodes tell one another about an error', () => {
  const plain = { noNullPrototype: true } as const;
  const detail = fc.string({ maxLength: PEER_ERROR_DETAIL_CHARS_MAX });
  const attempt = fc.record({ instance: fc.string(), outcome: fc.string(), detail }, plain);
  const peerError: fc.Arbitrary<PeerError> = fc.record(
    {
      kind: fc.constantFrom(...ERROR_KINDS),
      attempts: fc.array(attempt, { maxLength: PEER_ERROR_ATTEMPTS_MAX }),
      runtimeReached: fc.boolean(),
      retryAfterMs: fc.option(fc.integer({ min: 1, max: 1e9 }).map(durationMs), { nil: undefined }),
    },
    plain,
  );

  it('arrives whole', () => {
    fc.assert(fc.property(peerError, (error) => assert.deepEqual(decodePeerError(encodePeerError(error)), error)));
  });

  it('takes attempts in the words of the routing that made them', () => {
    const target = { instance: instanceId('i1'), local: false };
    assert.deepEqual(peerAttemptOf({ target, evidence: { kind: 'connection-lost' } }), {
      instance: 'i1',
      outcome: 'connection-lost',
      detail: '',
    });
    assert.deepEqual(peerAttemptOf({ target, evidence: { kind: 'runtime-status', code: 14, message: 'gone' } }), {
      instance: 'i1',
      outcome: 'runtime-status',
      detail: 'code 14: gone',
    });
  });

  it('keeps the newest attempts and the start of a detail, within their limits', () => {
    const attempts = Array.from({ length: PEER_ERROR_ATTEMPTS_MAX + 3 }, (_, i) => ({
      instance: `i${i}`,
      outcome: 'lost',
      detail: 'd'.repeat(500),
    }));
    const back = decodePeerError(
      encodePeerError({ kind: 'unavailable', attempts, runtimeReached: false, retryAfterMs: undefined }),
    );
    assert.equal(back?.attempts.length, PEER_ERROR_ATTEMPTS_MAX);
    assert.equal(back?.attempts[0]?.instance, 'i3');
    assert.equal(back?.attempts[0]?.detail.length, PEER_ERROR_DETAIL_CHARS_MAX);
  });

  it('is ignored when it is malformed, too long or of an unknown kind', () => {
    assert.equal(decodePeerError('*'), undefined);
    assert.equal(decodePeerError('CgUB'), undefined);
    assert.equal(decodePeerError('A'.repeat(PEER_ERROR_TRAILER_CHARS_MAX + 4)), undefined);
    assert.equal(decodePeerError('CgNuZXc'), undefined);
    assert.equal(decodePeerError(''), undefined);
  });
});
