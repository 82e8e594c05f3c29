import { describe } from 'node:test';
import type { FakeClock } from '@modelmesh/core/testing';
import type { Kv, KvHistoryLimits } from '../port.ts';
import { leasesContract } from './contract-leases.ts';
import { lifeContract } from './contract-life.ts';
import { modelContract } from './contract-model.ts';
import { readsContract } from './contract-reads.ts';
import { txnContract } from './contract-txn.ts';
import { watchContract } from './contract-watch.ts';

/** What an adapter brings to the suite: stores that are empty, and the clock of their leases. */
export interface ContractStore {
  readonly kv: Kv;
  readonly clock: FakeClock;
  /** Frees what the store needed besides itself; the suite has closed `kv` before. */
  dispose(): void;
}

/** Makes an empty store. */
export type MakeStore = (history?: KvHistoryLimits) => Promise<ContractStore>;

/** Parts that an adapter cannot pass, each with the reason that is printed with the skipped tests; and how much is tried. */
export interface ContractOptions {
  /** Leases do not run on the injected clock: they need tests of their own. */
  readonly leaseClock?: string;
  /** The bounds of the history cannot be set: its end needs tests of its own. */
  readonly historyLimits?: string;
  /** Sequences of calls that are compared with the naive store. */
  readonly modelRuns?: number;
}

/** Runs a test's body against a store of its own. */
export type WithStore = (body: (store: ContractStore) => Promise<void>, history?: KvHistoryLimits) => () => Promise<void>;

/** The suite that every adapter of the port passes. */
export function kvContract(name: string, makeStore: MakeStore, options: ContractOptions = {}): void {
  const withStore: WithStore = (body, history) => async () => {
    const store = await makeStore(history);
    try {
      await body(store);
    } finally {
      await store.kv.close();
      store.dispose();
    }
  };
  describe(`${name} keeps the contract of the registry's store`, () => {
    txnContract(withStore);
    readsContract(withStore, options);
    watchContract(withStore, options);
    leasesContract(withStore, options);
    lifeContract(withStore);
    modelContract(makeStore, options.modelRuns ?? 30);
  });
}
