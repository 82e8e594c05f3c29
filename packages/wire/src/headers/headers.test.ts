import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, ID_BYTES_MAX, MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import {
  decodeBinaryHeader,
  encodeBinaryHeader,
  forbidsRetry,
  formatGrpcTimeout,
  type HeaderReader,
  isBalanced,
  isStrippedTowardsRuntime,
  parseGrpcTimeout,
  REST_TIMEOUT_MS_MAX,
  readRestTimeout,
  readTarget,
  requiresAll,
  requireTarget,
  runtimeIdHeaders,
  TARGET_IDS_MAX,
  targetOfPayloadId,
} from './index.ts';

const headersOf = (...fields: [string, string][]): HeaderReader => ({
  get: (name) => fields.find(([field]) => field === name)?.[1],
  getAll: (name) => fields.filter(([field]) => field === name).map(([, value]) => value),
});

const refusal = (message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeshError);
  assert.equal(error.kind, 'invalid-argument');
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

describe('the target of a call in headers', () => {
  it('is absent without headers, and a call that needs one is refused in the words of ModelMesh', () => {
    assert.equal(readTarget(headersOf(['x', 'y'])), undefined);
    assert.throws(() => requireTarget(headersOf()), refusal('must include mm-model-id header'));
  });

  it('is read from the plain form before the binary form', () => {
    assert.deepEqual(readTarget(headersOf(['mm-model-id-bin', 'Yg=='], ['mm-model-id', 'a'])), { kind: 'model', ids: ['a'] });
    assert.deepEqual(readTarget(headersOf(['mm-vmodel-id', 'v'], ['mm-vmodel-id-bin', 'eA'])), { kind: 'vmodel', ids: ['v'] });
  });

  it('reads UTF-8 ids from the binary form, padded or not', () => {
    assert.deepEqual(readTarget(headersOf(['mm-model-id-bin', 'bW9kw6hsZS3DqQ=='])), { kind: 'model', ids: ['modèle-é'] });
    assert.deepEqual(readTarget(headersOf(['mm-model-id-bin', 'bW9kw6hsZS3DqQ'])), { kind: 'model', ids: ['modèle-é'] });
    assert.deepEqual(readTarget(headersOf(['mm-vmodel-id-bin', 'dg=='])), { kind: 'vmodel', ids: ['v'] });
  });

  it('keeps repeated ids in order, in binary form also joined by a comma', () => {
    assert.deepEqual(readTarget(headersOf(['mm-model-id', 'b'], ['mm-model-id', 'a,c'])), { kind: 'model', ids: ['b', 'a,c'] });
    assert.deepEqual(readTarget(headersOf(['mm-model-id-bin', 'Yg==, YQ'])), { kind: 'model', ids: ['b', 'a'] });
  });

  it('refuses both a model and a vmodel', () => {
    const both = headersOf(['mm-model-id', 'a'], ['mm-vmodel-id-bin', 'dg']);
    assert.throws(() => readTarget(both), refusal('must include only one of model id and vmodel id'));
  });

  it('refuses an empty id in every form', () => {
    assert.throws(() => readTarget(headersOf(['mm-model-id', ''])), refusal('provided model-id header must be non-empty'));
    assert.throws(() => readTarget(headersOf(['mm-model-id-bin', ''])), refusal('provided model-id header must be non-empty'));
    assert.throws(() => readTarget(headersOf(['mm-vmodel-id', ''])), refusal('provided vmodel-id header must be non-empty'));
    assert.throws(() => targetOfPayloadId('', 'model'), refusal('provided model-id header must be non-empty'));
    assert.throws(() => targetOfPayloadId('', 'vmodel'), refusal('provided vmodel-id header must be non-empty'));
  });

  it('refuses what is neither ASCII, base64 nor UTF-8', () => {
    assert.throws(() => readTarget(headersOf(['mm-model-id', 'é'])), refusal(/use mm-model-id-bin/));
    assert.throws(() => readTarget(headersOf(['mm-model-id-bin', '?'])), refusal('mm-model-id-bin must be base64'));
    assert.throws(() => readTarget(headersOf(['mm-model-id-bin', '/w=='])), refusal(/UTF-8/));
  });

  it('accepts the older name only where there is no other', () => {
    assert.deepEqual(readTarget(headersOf(['tas-model-id', 'old'])), { kind: 'model', ids: ['old'] });
    assert.deepEqual(readTarget(headersOf(['tas-model-id', 'b'], ['tas-model-id', 'a'])), { kind: 'model', ids: ['b', 'a'] });
    assert.deepEqual(readTarget(headersOf(['tas-model-id', 'old'], ['mm-vmodel-id', 'v'])), { kind: 'vmodel', ids: ['v'] });
  });

  it('limits the length of an id and the number of ids', () => {
    const longest = 'x'.repeat(ID_BYTES_MAX);
    assert.deepEqual(targetOfPayloadId(longest, 'model').ids, [longest]);
    assert.throws(() => targetOfPayloadId(`${longest}x`, 'model'), refusal(/longer than 1024 bytes/));
    assert.throws(() => targetOfPayloadId('é'.repeat(ID_BYTES_MAX / 2 + 1), 'model'), refusal(/longer than 1024 bytes/));
    const ids = Array.from({ length: TARGET_IDS_MAX }, (_, i): [string, string] => ['mm-model-id', `m${i}`]);
    assert.equal(readTarget(headersOf(...ids))?.ids.length, TARGET_IDS_MAX);
    assert.throws(() => readTarget(headersOf(...ids, ['mm-model-id', 'one more'])), refusal(/at most 256 times/));
  });

  it('goes to the runtime in binary form, and in plain form where it is visible ASCII', () => {
    assert.deepEqual(runtimeIdHeaders('a b'), ['mm-model-id-bin', 'YSBi', 'mm-model-id', 'a b']);
    assert.deepEqual(runtimeIdHeaders('é'), ['mm-model-id-bin', 'w6k']);
  });
});

describe('the other fields of the mesh', () => {
  it('count only with their exact value', () => {
    assert.equal(isBalanced(headersOf(['mm-balanced', 'true'])), true);
    assert.equal(isBalanced(headersOf(['mm-balanced', 'yes'])), false);
    assert.equal(requiresAll(headersOf(['mm-required', 'all'])), true);
    assert.equal(requiresAll(headersOf(['mm-required', 'b'])), false);
    assert.equal(forbidsRetry(headersOf(['mm-retry', 'never'])), true);
    assert.equal(forbidsRetry(headersOf()), false);
  });

  it('are kept from the runtime together with the transport’s and the internal ones; everything else passes', () => {
    const stripped = ['mm-anything', 'grpc-timeout', 'content-type', 'user-agent', 'tas-model-id', ':path', 'te', 'mesh-hop'];
    const kept = ['authorization', 'traceparent', 'tracestate', 'x-request-id', 'x-mm-model-id', 'null-fail', 'custom-bin'];
    assert.deepEqual(
      stripped.filter((name) => !isStrippedTowardsRuntime(name)),
      [],
    );
    assert.deepEqual(kept.filter(isStrippedTowardsRuntime), []);
  });
});

describe('the binary header codec', () => {
  it('gives back any bytes, without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encodeBinaryHeader(bytes);
        assert.ok(!text.includes('='));
        assert.deepEqual(decodeBinaryHeader(text), bytes);
        assert.deepEqual(decodeBinaryHeader(Buffer.from(bytes).toString('base64')), bytes);
      }),
    );
  });

  it('refuses what no encoder writes', () => {
    for (const bad of ['A', 'AA=', 'AAAA=', 'A===', 'AA==AA', 'a b', 'a-b_'])
      assert.equal(decodeBinaryHeader(bad), undefined, bad);
  });
});

describe('timeouts', () => {
  it('reads every unit of grpc-timeout', () => {
    const read = ['2H', '3M', '4S', '5m', '6000u', '7000000n', '0m'].map(parseGrpcTimeout);
    assert.deepEqual(read, [7_200_000, 180_000, 4000, 5, 6, 7, 0]);
  });

  it('refuses another form of grpc-timeout', () => {
    for (const bad of ['', '5', 'm', '-5m', '1.5S', '123456789m', '5ms', '5 m', '5s']) {
      assert.throws(() => parseGrpcTimeout(bad), refusal(/grpc-timeout must be/), bad);
    }
  });

  it('writes a grpc-timeout that is never longer than what remains, except to say 1 ms', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (ms) => {
        const back = parseGrpcTimeout(formatGrpcTimeout(durationMs(ms)));
        assert.ok(back <= Math.max(1, ms) && back >= 1);
        if (ms < 1e8) assert.equal(back, Math.max(1, Math.floor(ms)));
      }),
    );
    assert.equal(formatGrpcTimeout(durationMs(-5)), '1m');
    assert.equal(formatGrpcTimeout(durationMs(Number.MAX_VALUE)), '99999999H');
  });

  it('reads mm-timeout-ms within its bounds', () => {
    assert.equal(readRestTimeout(headersOf()), undefined);
    assert.equal(readRestTimeout(headersOf(['mm-timeout-ms', '1500'])), 1500);
    assert.equal(readRestTimeout(headersOf(['mm-timeout-ms', String(REST_TIMEOUT_MS_MAX)])), REST_TIMEOUT_MS_MAX);
    for (const bad of ['', '0', '-1', '1.5', '86400001', '1e3', '9'.repeat(20)]) {
      assert.throws(() => readRestTimeout(headersOf(['mm-timeout-ms', bad])), refusal(/mm-timeout-ms must be/), bad);
    }
  });
});
