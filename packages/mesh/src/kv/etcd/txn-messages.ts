import { assertNever } from '@modelmesh/core';
import type { KeyValue, ResponseOp, TxnComparison, TxnOperation, TxnWords } from '@modelmesh/wire/etcd';
import type { KvCondition, KvEntry, KvOperation, KvTxn } from '../port.ts';
import { type EtcdKeys, leaseNumber } from './etcd-keys.ts';
import { type WriterKey, writerIdOf } from './writer-keys.ts';

/** Below every revision, so that the comparison never holds: no key was written at 0, but one that is absent counts as 0. */
const NEVER = -1;

/** A condition as a comparison of the revision of the last write, which is 0 for an absent key. */
export function comparison(keys: EtcdKeys, condition: KvCondition): TxnComparison {
  const key = keys.full(condition.key);
  switch (condition.kind) {
    case 'absent':
      return { result: 'equal', key, modRevision: 0 };
    case 'present':
      return { result: 'greater', key, modRevision: 0 };
    case 'unchanged':
      return { result: 'equal', key, modRevision: condition.modRevision > 0 ? condition.modRevision : NEVER };
    default:
      return assertNever(condition);
  }
}

function change(keys: EtcdKeys, operation: KvOperation): TxnOperation {
  const key = keys.full(operation.key);
  switch (operation.kind) {
    case 'delete':
      return { kind: 'delete', key };
    case 'put': {
      const lease = operation.lease === undefined ? 0n : leaseNumber(operation.lease);
      return { kind: 'put', key, value: operation.value, lease };
    }
    default:
      return assertNever(operation);
  }
}

const read = (keys: EtcdKeys, key: string): TxnOperation => ({ kind: 'range', key: keys.full(key) });

/** Looks at the conditions, and reads the keys of `reads` where they hold. Where not, each condition's key is read. */
export function lookMessage(keys: EtcdKeys, conditions: readonly KvCondition[], reads: readonly string[]): TxnWords {
  return {
    compare: conditions.map((condition) => comparison(keys, condition)),
    success: reads.map((key) => read(keys, key)),
    failure: conditions.map(({ key }) => read(keys, key)),
  };
}

const written = (keys: EtcdKeys, { key, lease }: WriterKey, value: string): TxnOperation => ({
  kind: 'put',
  key: keys.full(key),
  value,
  lease: leaseNumber(lease),
});

/** Makes the changes under a writer key. Where not, each condition's key is read, and the writer key behind them. */
export function changeMessage(keys: EtcdKeys, { conditions, operations }: KvTxn, writer: WriterKey): TxnWords {
  return {
    compare: [
      { result: 'equal', key: keys.full(writer.key), modRevision: writer.at },
      ...conditions.map((condition) => comparison(keys, condition)),
    ],
    success: [written(keys, writer, writerIdOf(writer)), ...operations.map((operation) => change(keys, operation))],
    failure: [...conditions.map((condition) => read(keys, condition.key)), read(keys, writer.key)],
  };
}

/** Writes over the writer key unless its transaction did: that one can never be committed then. Else the key is read. */
export function fenceMessage(keys: EtcdKeys, writer: WriterKey, fence: string): TxnWords {
  return {
    compare: [{ result: 'equal', key: keys.full(writer.key), modRevision: writer.at }],
    success: [written(keys, writer, fence)],
    failure: [read(keys, writer.key)],
  };
}

/** The keys that were read, in their order; `undefined` for one that is absent. */
export const readKeys = (responses: readonly ResponseOp[]): (KeyValue | undefined)[] =>
  responses.map(({ response }) => (response.case === 'responseRange' ? response.value.kvs[0] : undefined));

/** The entries that were read, in their order. */
export const readEntries = (keys: EtcdKeys, responses: readonly ResponseOp[]): (KvEntry | null)[] =>
  readKeys(responses).map((kv) => (kv === undefined ? null : keys.entry(kv)));
