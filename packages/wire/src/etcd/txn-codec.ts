import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { assertNever } from '@modelmesh/core';
import { type ResponseOp, TxnResponseSchema } from '../gen/etcdserverpb/rpc_pb.ts';
import { BackwardWriter } from './backward-writer.ts';
import { type AnswerHeader, readHeader } from './header.ts';

/**
 * Transactions as bytes, without the messages between: a node that registers thousands of models a second spends more on the objects of a
 * message, its comparisons and operations than on everything else that it does for them. Field numbers as in `rpc.proto`; a test compares.
 */

/** A comparison of the revision at which a key was written last, 0 for an absent one. */
export interface TxnComparison {
  readonly result: 'equal' | 'greater';
  readonly key: string;
  readonly modRevision: number;
}

/** One operation of a transaction. `lease`: 0 is none. */
export type TxnOperation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease: bigint }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'range'; readonly key: string };

/** `TxnRequest`. */
export interface TxnWords {
  readonly compare: readonly TxnComparison[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

/** `TxnResponse`; its operations are read when somebody looks at them, which after a commit nobody does. */
export interface TxnAnswer {
  readonly header: AnswerHeader | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

const COMPARE = { field: 1, result: 1, target: 2, key: 3, modRevision: 6, greater: 1, mod: 2 } as const;
const SUCCESS_FIELD = 2;
const FAILURE_FIELD = 3;
/** `RequestOp`, and of each kind of operation the key; a put has value and lease behind it. */
const OPERATION = { range: 1, put: 2, delete: 3, key: 1, value: 2, lease: 3 } as const;
/** What an operation or a comparison takes beside its texts. */
const AROUND_BYTES = 32;

/** The bytes of a transaction. */
export function encodeTxn({ compare, success, failure }: TxnWords): Uint8Array {
  const writer = new BackwardWriter(byteCountOf(compare) + byteCountOf(success) + byteCountOf(failure));
  for (let at = failure.length - 1; at >= 0; at--) writeOperation(writer, FAILURE_FIELD, failure[at]);
  for (let at = success.length - 1; at >= 0; at--) writeOperation(writer, SUCCESS_FIELD, success[at]);
  for (let at = compare.length - 1; at >= 0; at--) writeComparison(writer, compare[at]);
  return writer.finish();
}

function byteCountOf(parts: readonly (TxnComparison | TxnOperation)[]): number {
  let sum = 0;
  for (const part of parts) sum += AROUND_BYTES + part.key.length + ('value' in part ? part.value.length : 0);
  return sum;
}

function writeComparison(writer: BackwardWriter, comparison: TxnComparison | undefined): void {
  if (comparison === undefined) return;
  const from = writer.length;
  const { modRevision } = comparison;
  if (modRevision < 0) writer.varint64(BigInt(modRevision));
  else writer.varint(modRevision);
  writer.tag(COMPARE.modRevision, 0);
  writer.text(COMPARE.key, comparison.key);
  writer.varint(COMPARE.mod);
  writer.tag(COMPARE.target, 0);
  if (comparison.result === 'greater') {
    writer.varint(COMPARE.greater);
    writer.tag(COMPARE.result, 0);
  }
  writer.close(1, from);
}

function writeOperation(writer: BackwardWriter, field: number, operation: TxnOperation | undefined): void {
  if (operation === undefined) return;
  const from = writer.length;
  switch (operation.kind) {
    case 'put':
      if (operation.lease !== 0n) {
        writer.varint64(operation.lease);
        writer.tag(OPERATION.lease, 0);
      }
      if (operation.value !== '') writer.text(OPERATION.value, operation.value);
      break;
    case 'delete':
    case 'range':
      break;
    default:
      assertNever(operation);
  }
  writer.text(OPERATION.key, operation.key);
  writer.close(OPERATION[operation.kind], from);
  writer.close(field, from);
}

/** Reads the answer to a transaction. @throws for bytes that are none */
export function decodeTxnAnswer(bytes: Uint8Array): TxnAnswer {
  const reader = new BinaryReader(bytes);
  let header: AnswerHeader | undefined;
  let succeeded = false;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) header = readHeader(reader, reader.uint32());
    else if (field === 2) succeeded = reader.bool();
    else reader.skip(wireType);
  }
  return new LazyTxnAnswer(header, succeeded, bytes);
}

class LazyTxnAnswer implements TxnAnswer {
  readonly header: AnswerHeader | undefined;
  readonly succeeded: boolean;
  readonly #bytes: Uint8Array;

  constructor(header: AnswerHeader | undefined, succeeded: boolean, bytes: Uint8Array) {
    this.header = header;
    this.succeeded = succeeded;
    this.#bytes = bytes;
  }

  get responses(): readonly ResponseOp[] {
    return fromBinary(TxnResponseSchema, this.#bytes).responses;
  }
}
