import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { spreadOf } from '../../figures/index.ts';
import { AIMS } from './aims.ts';
import {
  AIMED_CELLS,
  aimsTable,
  allCells,
  type CellFigures,
  callsOf,
  cpuTable,
  judgedAims,
  plotCells,
  ratioName,
  type WayFigures,
} from './index.ts';

const figures = (cpuUs: number): WayFigures => ({ cpuUs, perSecond: 1000, p50Ms: 1, p99Ms: 2, residentBytes: 2 ** 20 });

const cellWith = (ratio: number): CellFigures => ({
  runs: 3,
  calls: 100,
  ways: { h2: figures(10), envoy: figures(30) },
  ratios: { [ratioName('cpuUs', 'h2', 'envoy')]: spreadOf([ratio]) },
});

describe('the situations of the bench', () => {
  it('are every size with every shape and kind of headers, TLS, and the fixed rate, each by a name of its own', () => {
    const cells = allCells();
    assert.equal(cells.length, 4 * 3 * 2 + 4 * 3 + 1);
    assert.equal(new Set(cells.map(({ name }) => name)).size, cells.length);
    assert.ok(cells.some(({ name }) => name === '64 KiB, 16×16, unique'));
    assert.ok(cells.every(({ encrypted, ways }) => !encrypted || !(ways.includes('direct') || ways.includes('tcp-proxy'))));
  });

  it('are what the aims are about', () => {
    const names = new Set(allCells().map(({ name }) => name));
    assert.deepEqual([...AIMED_CELLS.difference(names)], []);
    for (const { cell, of, to } of AIMS) {
      const ways = allCells().find(({ name }) => name === cell)?.ways ?? [];
      assert.ok(ways.includes(of) && ways.includes(to), cell);
    }
  });

  it('have as many calls for each lane, one at least', () => {
    for (const cell of allCells()) {
      const lanes = cell.connections * cell.streamsPerConnection;
      for (const share of [1, 0.25, 0.0001]) {
        const calls = callsOf(cell, share);
        assert.ok(calls >= lanes && calls % lanes === 0, `${cell.name}: ${calls}`);
      }
    }
  });
});

describe('the aims', () => {
  it('are judged by the median of the ratio, and only where it was measured', () => {
    const [name = ''] = AIMED_CELLS;
    const judged = (ratio: number): readonly boolean[] => judgedAims({ [name]: cellWith(ratio) }).map(({ holds }) => holds);
    assert.deepEqual(judged(0.33), [true]);
    assert.deepEqual(judged(0.34), [false]);
    assert.deepEqual(judgedAims({}), []);
    assert.equal(aimsTable({ [name]: cellWith(0.3) }).rows.length, 1);
  });
});

describe('the tables and the plot', () => {
  it('show what was measured, and a dash for what was not', () => {
    const [row = []] = cpuTable({ 'a cell': cellWith(0.3) }).rows;
    assert.deepEqual(row.slice(0, 5), ['a cell', '10.0', '–', '–', '30.0']);
    assert.ok(row.includes('0.30 (0.30–0.30)'));
  });

  it('draw the bars of one situation on one scale', () => {
    const svg = plotCells({ 'a <cell>': cellWith(0.3) }, 'caption');
    const widths = [...svg.matchAll(/<rect x="150" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    assert.equal(widths.length, 2);
    assert.ok(Math.abs((widths[0] ?? 0) * 3 - (widths[1] ?? 0)) < 1, widths.join());
    assert.ok(svg.includes('a &lt;cell>') && svg.includes('30.0 µs'));
  });
});
