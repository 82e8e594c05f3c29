/** The door of what tests need: the contract of the port, and stores and sinks for those who use it. */
export { type ContractOptions, type ContractStore, kvContract, type MakeStore } from './contract.ts';
export { type CrashPlan, crashContract } from './contract-crash.ts';
export { type FaultOptions, type FaultRig, faultContract, type KvFaults } from './contract-faults.ts';
export { EtcdProcess, type EtcdTls, type EtcdTools, etcdTools } from './etcd-process.ts';
export { FaultyKv, type TxnFault, type WayFault } from './faulty-kv.ts';
export { freePorts } from './free-ports.ts';
export { RecordingSink } from './recording-sink.ts';
export { TcpProxy } from './tcp-proxy.ts';
export { stateAfter } from './workload.ts';
export { WriterProcess } from './writer-process.ts';
export { commit, list, ofKind, put, remove } from './writing.ts';
