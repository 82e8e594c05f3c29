import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { MeshError } from '@modelmesh/core';
import { accepts, deflateMessage, INFLATE_RATIO_MAX, inflateMessage, parseEncoding, RATIO_FREE_BYTES } from './index.ts';

const limits = { outputBytesMax: 16 * RATIO_FREE_BYTES, ratioMax: INFLATE_RATIO_MAX };
const noise = Uint8Array.from({ length: 50_000 }, (_, index) => (index * 2_654_435_761) >>> 13);

for (const encoding of ['gzip', 'deflate'] as const) {
  test(`${encoding} gives back what was compressed, small and large`, async () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), noise]) {
      const compressed = await deflateMessage(encoding, bytes);
      assert.deepEqual(new Uint8Array(await inflateMessage(encoding, compressed, limits)), bytes);
    }
  });
}

test('deflate is the zlib format', async () => {
  assert.equal((await inflateMessage('deflate', deflateSync('hello'), limits)).toString(), 'hello');
});

test('a message that grows above the output limit is refused by that name', async () => {
  const bomb = gzipSync(noise);
  await assert.rejects(
    async () => inflateMessage('gzip', bomb, { ...limits, outputBytesMax: 49_999 }),
    (error) => error instanceof MeshError && error.kind === 'too-large' && error.message.includes('messageBytesMax'),
  );
});

test('a message that grows above the ratio limit is refused by that name, inline and in the thread pool', async () => {
  const bomb = gzipSync(new Uint8Array(8 * RATIO_FREE_BYTES), { level: 9 });
  const small = gzipSync(new Uint8Array(2 * RATIO_FREE_BYTES), { level: 9 });
  assert.ok(small.byteLength < 4096 && bomb.byteLength > 4096);
  for (const bytes of [small, bomb]) {
    await assert.rejects(
      async () => inflateMessage('gzip', bytes, { ...limits, ratioMax: 100 }),
      (error) => error instanceof MeshError && error.kind === 'too-large' && error.message.includes('inflateRatioMax'),
    );
  }
});

test('a tensor of zeros below the free bytes passes whatever its ratio', async () => {
  const zeros = gzipSync(new Uint8Array(RATIO_FREE_BYTES), { level: 9 });
  assert.equal((await inflateMessage('gzip', zeros, { ...limits, ratioMax: 1 })).byteLength, RATIO_FREE_BYTES);
});

test('damaged data is an invalid argument', async () => {
  const whole = gzipSync(noise);
  const damaged = whole.subarray(0, whole.byteLength >> 1);
  await assert.rejects(async () => inflateMessage('gzip', damaged, limits), { kind: 'invalid-argument' });
  assert.throws(() => inflateMessage('gzip', Uint8Array.of(1, 2, 3), limits), { kind: 'invalid-argument' });
});

test('a compressed message in a call without an encoding is an invalid argument', () => {
  assert.throws(() => inflateMessage('identity', Uint8Array.of(1), limits), { kind: 'invalid-argument' });
});

test('an unknown encoding is refused and the known ones are named', () => {
  assert.equal(parseEncoding(undefined), 'identity');
  assert.equal(parseEncoding('gzip'), 'gzip');
  assert.throws(() => parseEncoding('snappy'), { kind: 'unsupported-encoding', message: /identity,gzip,deflate/ });
});

test('a peer accepts what it lists, and identity always', () => {
  assert.equal(accepts('identity, gzip', 'gzip'), true);
  assert.equal(accepts('identity', 'gzip'), false);
  assert.equal(accepts(undefined, 'identity'), true);
  assert.equal(accepts(undefined, 'gzip'), false);
});
