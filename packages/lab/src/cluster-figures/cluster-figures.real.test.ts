import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { contention, SUITE_LEEWAY } from '../figures/index.ts';
import { MEASUREMENTS, type Measurement, measure, SHORT_CLUSTER } from './index.ts';

const tools = etcdTools(process.env);
/**
 * Answers, loads and memory are held to the letter, and figures of speed to what suites demand of them: those that are a ratio to something of the same
 * run as they are, registrations and first calls by so much as a computation took longer before or after because of what else the machine does.
 */
const RATIOS: ReadonlySet<Measurement> = new Set(['burst']);
/** More than so much is not excused by others: it is held against what has become several times as slow. */
const EXCUSED_MAX = 5;
const SENTENCES = {
  registration: 'register 20 000 models for 64 callers at one node, which stays small',
  watched: 'have equal views right after 20 000 registrations at one of three',
  cold: 'answer first calls soon after the load and one commit',
  burst: 'answer a thousand first calls of one model through three nodes after one load',
  crowding: 'answer 32 clients rightly on 300 models with room for 60 across three nodes, and book no more than that',
  hot: 'field §4.9 item 9: give a hot model with one copy a second one within a control tick, and share its calls',
  fresh: 'field §4.9 item 11: give a node that joins full ones its fair share within a minute',
} as const satisfies Record<Measurement, string>;

describe('real nodes on a real etcd', { skip: tools.missing }, () => {
  for (const name of MEASUREMENTS) {
    it(SENTENCES[name], { timeout: 240_000 }, async (t) => {
      const before = contention();
      const leeway = (): number =>
        RATIOS.has(name) ? SUITE_LEEWAY : Math.min(EXCUSED_MAX, SUITE_LEEWAY * Math.max(before, contention()));
      const { claims, table } = await measure(name, SHORT_CLUSTER, tools, leeway);
      t.diagnostic(table);
      assert.deepEqual(
        claims.filter(({ holds }) => !holds),
        [],
      );
    });
  }
});
