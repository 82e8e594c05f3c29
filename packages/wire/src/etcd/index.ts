/**
 * Messages and services of etcd v3, as much of them as the registry says: keys, transactions, watches, leases, the member's status and
 * tokens. Source: etcd's public gRPC interface, by field numbers.
 */
export * from '../gen/etcdserverpb/rpc_pb.ts';
export type { AnswerHeader } from './header.ts';
export { decodeTxnAnswer, encodeTxn, type TxnAnswer, type TxnComparison, type TxnOperation, type TxnWords } from './txn-codec.ts';
export { decodeWatchAnswer, type WatchAnswer, type WatchedEvent, type WatchedKey } from './watch-codec.ts';
