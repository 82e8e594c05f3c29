import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { Arena, chaosTable, findingsTable, SCENARIOS, scenarioHolds, sentenceOf } from './index.ts';

const tools = etcdTools(process.env);
const NODES = 3;
/** Long enough that what goes is missed, short enough for a suite; the proof takes three times a lease and 100 000 calls. */
const SIZE = { nodes: NODES, calls: 2000, awayMs: 6000, settleMs: 1000, leeway: SUITE_LEEWAY } as const;
/** Those in one network share a mesh: its start takes longer than most of what is done to it. */
const GROUPS = [
  { where: 'in one network', scenarios: SCENARIOS.filter(({ network }) => network === undefined) },
  { where: 'of which one has a network of its own', scenarios: SCENARIOS.filter(({ network }) => network !== undefined) },
] as const;

for (const { where, scenarios } of GROUPS) {
  describe(`three nodes under load, ${where}`, { skip: tools.missing }, () => {
    let arena: Arena | string = 'it was not opened';
    before(
      async () => {
        arena = await Arena.open(NODES, tools, scenarios[0]?.network);
      },
      { timeout: 120_000 },
    );
    after(async () => {
      if (typeof arena !== 'string') await arena[Symbol.asyncDispose]();
    });

    for (const scenario of scenarios) {
      it(`${scenario.name}: ${scenario.does}: ${sentenceOf(scenario)}`, {
        timeout: 120_000,
      }, async (t) => {
        if (typeof arena === 'string') return t.skip(`no network namespace can be made here: ${arena}`);
        const figures = [await arena.play(scenario, SIZE)];
        const tables = `${renderTable(chaosTable(figures), false)}\n${renderTable(findingsTable(figures), false)}`;
        t.diagnostic(tables);
        assert.ok(figures.every(scenarioHolds), tables);
      });
    }
  });
}
