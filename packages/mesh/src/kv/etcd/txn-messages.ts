import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '@modelmesh/core';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type CompareSchema,
  type KeyValue,
  type RequestOpSchema,
  type ResponseOp,
  type TxnRequestSchema,
} from '@modelmesh/wire/etcd';
import type { KvCondition, KvEntry, KvOperation, KvTxn } from '../port.ts';
import { type EtcdKeys, leaseNumber, valueBytes } from './etcd-keys.ts';
import { type WriterKey, writerIdOf } from './writer-keys.ts';

/** A transaction in etcd's words. */
export type TxnInit = MessageInitShape<typeof TxnRequestSchema>;
type CompareInit = MessageInitShape<typeof CompareSchema>;
type OperationInit = MessageInitShape<typeof RequestOpSchema>;

/** Below every revision, so that the comparison never holds: no key was written at 0, but one that is absent counts as 0. */
const NEVER = -1n;

const compare = (result: Compare_CompareResult, key: Uint8Array, modRevision: bigint): CompareInit => ({
  result,
  target: Compare_CompareTarget.MOD,
  key,
  targetUnion: { case: 'modRevision', value: modRevision },
});

/** A condition as a comparison of the revision of the last write, which is 0 for an absent key. */
export function comparison(keys: EtcdKeys, condition: KvCondition): CompareInit {
  const key = keys.bytes(condition.key);
  switch (condition.kind) {
    case 'absent':
      return compare(Compare_CompareResult.EQUAL, key, 0n);
    case 'present':
      return compare(Compare_CompareResult.GREATER, key, 0n);
    case 'unchanged':
      return compare(Compare_CompareResult.EQUAL, key, condition.modRevision > 0 ? BigInt(condition.modRevision) : NEVER);
    default:
      return assertNever(condition);
  }
}

const read = (key: Uint8Array): OperationInit => ({ request: { case: 'requestRange', value: { key } } });

function change(keys: EtcdKeys, operation: KvOperation): OperationInit {
  const key = keys.bytes(operation.key);
  switch (operation.kind) {
    case 'delete':
      return { request: { case: 'requestDeleteRange', value: { key } } };
    case 'put': {
      const lease = operation.lease === undefined ? 0n : leaseNumber(operation.lease);
      return { request: { case: 'requestPut', value: { key, value: valueBytes(operation.value), lease } } };
    }
    default:
      return assertNever(operation);
  }
}

/** Looks at the conditions, and reads the keys of `reads` where they hold. Where not, each condition's key is read. */
export function lookMessage(keys: EtcdKeys, conditions: readonly KvCondition[], reads: readonly string[]): TxnInit {
  return {
    compare: conditions.map((condition) => comparison(keys, condition)),
    success: reads.map((key) => read(keys.bytes(key))),
    failure: conditions.map(({ key }) => read(keys.bytes(key))),
  };
}

/** Makes the changes under a writer key. Where not, each condition's key is read, and the writer key behind them. */
export function changeMessage(keys: EtcdKeys, { conditions, operations }: KvTxn, writer: WriterKey): TxnInit {
  const key = keys.bytes(writer.key);
  const mark = { key, value: valueBytes(writerIdOf(writer)), lease: leaseNumber(writer.lease) };
  return {
    compare: [
      compare(Compare_CompareResult.EQUAL, key, BigInt(writer.at)),
      ...conditions.map((condition) => comparison(keys, condition)),
    ],
    success: [{ request: { case: 'requestPut', value: mark } }, ...operations.map((operation) => change(keys, operation))],
    failure: [...conditions.map((condition) => read(keys.bytes(condition.key))), read(key)],
  };
}

/** Writes over the writer key unless its transaction did: that one can never be committed then. Else the key is read. */
export function fenceMessage(keys: EtcdKeys, { key, lease, at }: WriterKey, fence: string): TxnInit {
  const bytes = keys.bytes(key);
  return {
    compare: [compare(Compare_CompareResult.EQUAL, bytes, BigInt(at))],
    success: [{ request: { case: 'requestPut', value: { key: bytes, value: valueBytes(fence), lease: leaseNumber(lease) } } }],
    failure: [read(bytes)],
  };
}

/** The keys that were read, in their order; `undefined` for one that is absent. */
export const readKeys = (responses: readonly ResponseOp[]): (KeyValue | undefined)[] =>
  responses.map(({ response }) => (response.case === 'responseRange' ? response.value.kvs[0] : undefined));

/** The entries that were read, in their order. */
export const readEntries = (keys: EtcdKeys, responses: readonly ResponseOp[]): (KvEntry | null)[] =>
  readKeys(responses).map((kv) => (kv === undefined ? null : keys.entry(kv)));
