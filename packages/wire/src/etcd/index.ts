/**
 * Messages and services of etcd v3, as much of them as the registry says: keys, transactions, watches, leases, the member's status and
 * tokens. Source: etcd's public gRPC interface, by field numbers.
 */
export * from '../gen/etcdserverpb/rpc_pb.ts';
