import type { Kv } from '../../kv/index.ts';

/** A store as one node sees it, for a test to put something between at a method: its end does not end the store, which others see too. */
export const through = (kv: Kv): Kv => ({
  get: (key) => kv.get(key),
  range: (prefix, options) => kv.range(prefix, options),
  txn: (txn) => kv.txn(txn),
  resolve: (unknown) => kv.resolve(unknown),
  grantLease: (ttlMs) => kv.grantLease(ttlMs),
  keepAlive: (lease) => kv.keepAlive(lease),
  revokeLease: (lease) => kv.revokeLease(lease),
  watch: (prefix, options, sink) => kv.watch(prefix, options, sink),
  close: async () => {},
});
