import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { type Measurement, measure, SHORT_CLUSTER } from './index.ts';

const tools = etcdTools(process.env);
const SENTENCES = {
  burst: 'answer a thousand first calls of one model through three nodes after one load',
  crowding: 'answer 32 clients rightly on 300 models with room for 60 across three nodes, and book no more than that',
  hot: 'field §4.9 item 9: give a hot model with one copy a second one within a control tick, and share its calls',
  fresh: 'field §4.9 item 11: give a node that joins full ones its fair share within a minute',
} as const satisfies Partial<Record<Measurement, string>>;

describe('real nodes on a real etcd', { skip: tools.missing }, () => {
  for (const name of ['burst', 'crowding', 'hot', 'fresh'] as const) {
    it(SENTENCES[name], { timeout: 240_000 }, async (t) => {
      const { claims, table } = await measure(name, SHORT_CLUSTER, tools, SUITE_LEEWAY);
      t.diagnostic(table);
      assert.deepEqual(
        claims.filter(({ holds }) => !holds),
        [],
      );
    });
  }
});
