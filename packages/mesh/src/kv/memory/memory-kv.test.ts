import { FakeClock } from '@modelmesh/core/testing';
import type { KvHistoryLimits } from '../port.ts';
import { kvContract } from '../testing/index.ts';
import { openMemoryKv } from './index.ts';

async function makeStore(history?: KvHistoryLimits) {
  const clock = new FakeClock();
  const kv = await openMemoryKv({ location: '', clock, ...(history === undefined ? {} : { history }) });
  return { kv, clock, dispose: () => undefined };
}

kvContract('the memory store', makeStore, { modelRuns: 200 });
