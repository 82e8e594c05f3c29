import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { realClock } from '@modelmesh/grpc/testing';
import { EtcdProcess, etcdTools, faultContract, TcpProxy } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);

describe('a real etcd behind a bad way', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  let rigs = 0;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  faultContract(
    'the etcd store',
    async () => {
      rigs += 1;
      const rootPrefix = `faults-${rigs}`;
      const proxy = await TcpProxy.start(etcd.port);
      const open = (endpoint: { readonly host: string; readonly port: number }) =>
        openEtcdKv({ location: '', clock: realClock, etcd: { endpoints: [endpoint], rootPrefix } });
      const [kv, direct] = await Promise.all([open(proxy.endpoint), open(etcd.endpoint)]);
      return {
        kv,
        direct,
        faults: {
          loseAnswers: () => {
            proxy.answers = 'held';
          },
          holdRequests: () => proxy.freeze(),
          cut: () => proxy.cut(),
          away: async () => {
            await proxy.away();
            // Resolves when the client has found nobody.
            await assert.rejects(kv.get('a'), { kind: 'registry-unavailable' });
          },
          mend: () => proxy.mend(),
          compact: async () => {
            const { revision } = await direct.get('compact');
            await etcd.ctl('compact', String(revision));
          },
        },
        dispose: () => proxy.close(),
      };
    },
    { clock: realClock, refusedWithinMs: durationMs(250), writes: 120 },
  );
});
