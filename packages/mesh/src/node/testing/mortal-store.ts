import { MeshError } from '@modelmesh/core';
import type { Kv, KvWatchSink } from '../../kv/index.ts';

/** A store that can go away, with the watches on it. */
export class MortalStore {
  /** Whether it refuses everything. Setting it to false brings it back. */
  away = false;
  /** Whether leases outlive its absence. */
  keepsLeases = false;
  readonly #sinks = new Set<KvWatchSink>();

  /** The store does not answer any more. */
  goes(): void {
    this.away = true;
    const error = new MeshError('registry-unavailable', 'etcd does not answer');
    for (const sink of this.#sinks) sink.ended({ kind: 'lost', error });
    this.#sinks.clear();
  }

  /** The store as the node is to see it. */
  readonly of = (kv: Kv): Kv => {
    const unless = <Answer>(call: () => Promise<Answer>): Promise<Answer> =>
      this.away ? Promise.reject(new MeshError('registry-unavailable', 'etcd does not answer')) : call();
    return {
      get: (key) => unless(() => kv.get(key)),
      range: (prefix, options) => unless(() => kv.range(prefix, options)),
      txn: (txn) => unless(() => kv.txn(txn)),
      resolve: (unknown) => unless(() => kv.resolve(unknown)),
      grantLease: (ttlMs) => unless(() => kv.grantLease(ttlMs)),
      keepAlive: async (lease) => {
        // A store that was down for all of its clients counts the time of their leases anew when it is back.
        if (this.away && this.keepsLeases) await kv.keepAlive(lease);
        return unless(() => kv.keepAlive(lease));
      },
      revokeLease: (lease) => unless(() => kv.revokeLease(lease)),
      close: async () => {},
      watch: (prefix, options, sink) => {
        this.#sinks.add(sink);
        return kv.watch(prefix, options, {
          batch: (batch) => {
            if (this.#sinks.has(sink)) sink.batch(batch);
          },
          ended: (end) => {
            if (this.#sinks.delete(sink)) sink.ended(end);
          },
        });
      },
    };
  };
}
