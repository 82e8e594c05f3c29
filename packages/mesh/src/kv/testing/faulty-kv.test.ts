import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '@modelmesh/grpc/testing';
import { openMemoryKv } from '../memory/index.ts';
import type { Kv } from '../port.ts';
import { faultContract } from './contract-faults.ts';
import { FaultyKv } from './faulty-kv.ts';
import { commit, put } from './writing.ts';

/** Revisions that the store keeps. */
const HISTORY = 8;

/** The memory store without its end, which belongs to another. */
const borrowed = (kv: Kv): Kv =>
  new Proxy(kv, {
    get: (target, name) => {
      if (name === 'close') return async () => undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

faultContract(
  'the memory store',
  async () => {
    const store = await openMemoryKv({
      location: '',
      clock: new FakeClock(),
      history: { revisionsMax: HISTORY, bytesMax: 1_000_000 },
    });
    const kv = new FaultyKv(store);
    return {
      kv,
      direct: borrowed(store),
      faults: {
        loseAnswers: () => kv.fail('loses-answers'),
        holdRequests: (count) => kv.inject(...Array.from({ length: count }, () => 'lost-before-commit' as const)),
        cut: () => undefined,
        away: async () => kv.fail('away'),
        mend: async () => kv.mend(),
        // What is kept is counted in revisions: others push out what was.
        compact: async () => {
          for (let count = 0; count < 2 * HISTORY; count++) await commit(store, [put('~', String(count))]);
        },
      },
      dispose: async () => undefined,
    };
  },
  { clock: realClock, refusedWithinMs: durationMs(100), writes: 40 },
);
