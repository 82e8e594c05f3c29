import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { forwardedHolds, forwardedTable, runForwarded } from './index.ts';

const tools = etcdTools(process.env);

it('a forwarded call costs little more than twice the CPU of a local one', {
  skip: tools.missing,
  timeout: 240_000,
}, async (t) => {
  const etcd = await EtcdProcess.alone(tools);
  try {
    const figures = await runForwarded(etcd, { rounds: 3, smallCalls: 3000, largeCalls: 500, driver: 'own' });
    const table = renderTable(forwardedTable(figures), false);
    t.diagnostic(table);
    assert.ok(forwardedHolds(figures, SUITE_LEEWAY), table);
  } finally {
    await etcd.dispose();
  }
});
