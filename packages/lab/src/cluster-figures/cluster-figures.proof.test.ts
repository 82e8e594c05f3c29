import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { FULL_CLUSTER, keepMeasured, MEASUREMENTS, measure } from './index.ts';

const tools = etcdTools(process.env);

describe('every claim of real nodes on a real etcd', { skip: tools.missing }, () => {
  for (const name of MEASUREMENTS) {
    it(`holds at its full size: ${name}`, { timeout: 600_000 }, async (t) => {
      const measured = await measure(name, FULL_CLUSTER, tools, () => SUITE_LEEWAY);
      t.diagnostic(measured.table);
      keepMeasured('cluster', name, measured);
      assert.deepEqual(
        measured.claims.filter(({ holds }) => !holds),
        [],
      );
    });
  }
});
