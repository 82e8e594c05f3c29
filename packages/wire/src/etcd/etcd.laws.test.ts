import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  decodeTxnAnswer,
  decodeWatchAnswer,
  Event_EventType,
  encodeTxn,
  type RequestOpSchema,
  type TxnComparison,
  type TxnOperation,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchResponseSchema,
} from './index.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ minLength: 100, maxLength: 400 }));
const key = text.filter((value) => value !== '');
const lease = fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }));
const modRevision = fc.oneof(fc.constantFrom(0, -1, 127, 128), fc.maxSafeNat());

const comparison: fc.Arbitrary<TxnComparison> = fc.record({ result: fc.constantFrom('equal', 'greater'), key, modRevision });
const operation: fc.Arbitrary<TxnOperation> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, value: text, lease }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('range' as const), key }),
);
const list = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 12 });

/** The same operation for the general encoder. */
function described(one: TxnOperation): MessageInitShape<typeof RequestOpSchema> {
  const bytes = Buffer.from(one.key);
  switch (one.kind) {
    case 'put':
      return {
        request: { case: 'requestPut', value: { key: bytes, value: Buffer.from(one.value), lease: one.lease } },
      };
    case 'delete':
      return { request: { case: 'requestDeleteRange', value: { key: bytes } } };
    case 'range':
      return { request: { case: 'requestRange', value: { key: bytes } } };
  }
}

describe('transactions of etcd', () => {
  it('have the very bytes of the general encoder', () => {
    fc.assert(
      fc.property(list(comparison), list(operation), list(operation), (compare, success, failure) => {
        const wanted = create(TxnRequestSchema, {
          compare: compare.map((one) => ({
            result: one.result === 'equal' ? Compare_CompareResult.EQUAL : Compare_CompareResult.GREATER,
            target: Compare_CompareTarget.MOD,
            key: Buffer.from(one.key),
            targetUnion: { case: 'modRevision' as const, value: BigInt(one.modRevision) },
          })),
          success: success.map(described),
          failure: failure.map(described),
        });
        assert.deepEqual(Buffer.from(encodeTxn({ compare, success, failure })), Buffer.from(toBinary(TxnRequestSchema, wanted)));
      }),
    );
  });

  it('are answered as the general decoder reads it', () => {
    const header = fc.record({
      clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      memberId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      revision: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    });
    const kvs = list(
      fc.record({ key: fc.uint8Array(), value: fc.uint8Array(), modRevision: fc.bigInt({ min: 0n, max: 10n ** 6n }) }),
    );
    fc.assert(
      fc.property(fc.option(header, { nil: undefined }), fc.boolean(), list(kvs), (found, succeeded, ranges) => {
        const responses = ranges.map((one) => ({ response: { case: 'responseRange' as const, value: { kvs: one } } }));
        const bytes = toBinary(TxnResponseSchema, create(TxnResponseSchema, { header: found, succeeded, responses }));
        const answer = decodeTxnAnswer(bytes);
        const wanted = fromBinary(TxnResponseSchema, bytes);
        assert.deepEqual(
          [answer.succeeded, answer.header?.clusterId, answer.header?.revision, answer.responses],
          [wanted.succeeded, wanted.header?.clusterId, wanted.header?.revision, wanted.responses],
        );
      }),
    );
  });
});

const event = fc.record({
  type: fc.constantFrom(Event_EventType.PUT, Event_EventType.DELETE),
  kv: fc.record({
    key: text.map((value) => Buffer.from(value)),
    value: text.map((value) => Buffer.from(value)),
    createRevision: fc.maxSafeNat().map(BigInt),
    modRevision: fc.maxSafeNat().map(BigInt),
    version: fc.maxSafeNat().map(BigInt),
    lease,
  }),
});

const answer: fc.Arbitrary<MessageInitShape<typeof WatchResponseSchema>> = fc.record({
  header: fc.option(fc.record({ revision: fc.maxSafeNat().map(BigInt) }), { nil: undefined }),
  watchId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  created: fc.boolean(),
  canceled: fc.boolean(),
  compactRevision: fc.maxSafeNat().map(BigInt),
  cancelReason: text,
  fragment: fc.boolean(),
  events: list(event),
});

describe('answers of a watch', () => {
  it('are read as the general decoder reads them', () => {
    fc.assert(
      fc.property(answer, (init) => {
        const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, init));
        const wanted = fromBinary(WatchResponseSchema, bytes);
        const { header, events, ...rest } = decodeWatchAnswer(bytes);
        const { watchId, created, canceled, compactRevision, cancelReason, fragment } = wanted;
        assert.deepEqual(rest, { watchId, created, canceled, compactRevision, cancelReason, fragment });
        assert.equal(header?.revision, wanted.header?.revision);
        assert.deepEqual(
          events,
          wanted.events.map(({ type, kv }) => ({
            kind: type === Event_EventType.DELETE ? 'delete' : 'put',
            kv: {
              key: Buffer.from(kv?.key ?? []).toString(),
              value: Buffer.from(kv?.value ?? []).toString(),
              createRevision: Number(kv?.createRevision),
              modRevision: Number(kv?.modRevision),
              lease: kv?.lease,
            },
          })),
        );
      }),
    );
  });

  it('that end within a text are refused', () => {
    const kv = { key: Buffer.from('a key'), value: Buffer.from('a value') };
    const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, { events: [{ kv }] }));
    for (let length = 1; length < bytes.length; length++) {
      assert.throws(() => decodeWatchAnswer(Uint8Array.prototype.slice.call(bytes, 0, length)), `${length} bytes`);
    }
  });
});
