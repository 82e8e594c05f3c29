import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { renderTable } from '../figures/index.ts';
import { chaosTable, findingsTable, runScenario, SCENARIOS, scenarioHolds } from './index.ts';

const tools = etcdTools(process.env);
/** Long enough that what goes is missed, short enough for a suite; the script takes three times a lease and 100 000 calls. */
const SIZE = { nodes: 3, calls: 2000, awayMs: 6000 } as const;

describe('three nodes under load', { skip: tools.missing }, () => {
  for (const scenario of SCENARIOS) {
    it(`${scenario.name}: ${scenario.does}: no call fails but those that may not be repeated`, {
      timeout: 240_000,
    }, async (t) => {
      const seen = await runScenario(scenario, SIZE, tools);
      if (typeof seen === 'string') return t.skip(`no network namespace can be made here: ${seen}`);
      const figures = [seen];
      const tables = `${renderTable(chaosTable(figures), false)}\n${renderTable(findingsTable(figures), false)}`;
      t.diagnostic(tables);
      assert.ok(figures.every(scenarioHolds), tables);
    });
  }
});
