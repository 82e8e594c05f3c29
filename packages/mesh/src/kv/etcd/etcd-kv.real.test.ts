import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '@modelmesh/grpc/testing';
import { EtcdProcess, etcdTools, kvContract } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);

describe('a real etcd', { skip: tools.missing }, () => {
  let etcd: EtcdProcess | undefined;
  let stores = 0;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(async () => etcd?.dispose());

  kvContract(
    'the etcd store',
    async () => {
      stores += 1;
      const place = { endpoints: [etcd?.endpoint ?? assert.fail()], rootPrefix: `contract-${stores}` };
      const kv = await openEtcdKv({ location: '', clock: realClock, etcd: place });
      // Leases run on the clock of etcd; the one of the suite moves nothing here.
      return { kv, clock: new FakeClock(), dispose: () => undefined };
    },
    // What is skipped here is tried in the suites beside this one: leases as they end, history as it is compacted.
    {
      leaseClock: 'the leases of etcd run on a clock of its own',
      historyLimits: 'the bounds of the history of etcd cannot be set',
      modelRuns: 40,
    },
  );
});
