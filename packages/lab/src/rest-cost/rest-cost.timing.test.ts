import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable } from '../figures/index.ts';
import { conversionHolds, conversionTable, endToEndHolds, endToEndTable, runConversion, runEndToEnd } from './index.ts';

/** Loops that do much in each turn lose more than others where something else runs on the same core. */
const LEEWAY = 2;

describe('V2 JSON of 1 000 floats', () => {
  it('costs little of the CPU that JSON.parse, generated classes and JSON.stringify take', { timeout: 120_000 }, (t) => {
    const figures = runConversion({ rounds: 9, calls: 400 });
    const table = renderTable(conversionTable(figures), false);
    t.diagnostic(table);
    assert.ok(conversionHolds(figures, LEEWAY), table);
  });

  it('costs a node less than the slow way alone', { timeout: 120_000 }, async (t) => {
    const figures = await runEndToEnd({ rounds: 3, calls: 1000 });
    const table = renderTable(endToEndTable(figures), false);
    t.diagnostic(table);
    assert.ok(endToEndHolds(figures, LEEWAY), table);
  });
});
