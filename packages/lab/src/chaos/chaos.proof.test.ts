import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { chaosTable, findingsTable, keepFigures, runScenario, SCENARIOS, scenarioHolds, sentenceOf } from './index.ts';

const tools = etcdTools(process.env);
/** That of the script: what goes stays away for three times a lease. */
const SIZE = { nodes: 3, calls: 100_000, awayMs: 60_000, settleMs: 3000, leeway: SUITE_LEEWAY } as const;

describe('three nodes under 100 000 calls', { skip: tools.missing }, () => {
  for (const scenario of SCENARIOS) {
    it(`${scenario.name}: ${scenario.does}: ${sentenceOf(scenario)}`, {
      timeout: 900_000,
    }, async (t) => {
      const seen = await runScenario(scenario, SIZE, tools);
      if (typeof seen === 'string') return t.skip(`no network namespace can be made here: ${seen}`);
      const tables = `${renderTable(chaosTable([seen]), false)}\n${renderTable(findingsTable([seen]), false)}`;
      t.diagnostic(tables);
      keepFigures([seen]);
      assert.ok(scenarioHolds(seen), tables);
      assert.ok(seen.calls >= SIZE.calls, `${seen.calls} calls`);
    });
  }
});
