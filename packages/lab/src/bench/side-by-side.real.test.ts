import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { readBaselines, renderTable } from '../figures/index.ts';
import { LoadProcess } from '../load/index.ts';
import { freeFolder } from '../node-process/index.ts';
import { worsenedTwice } from './index.ts';
import {
  allCells,
  BESIDE_CELLS,
  type BenchPlan,
  besideRatios,
  type Cell,
  type CellFigures,
  cpuTable,
  measureStreaming,
  runBench,
  startWays,
  WARM_CALLS,
} from './side-by-side/index.ts';
import { BenchRuntime, findBackend, preparedTools, RUNTIME_KINDS } from './ways/index.ts';

const found = preparedTools(process.env);
const backend = found.problem === undefined ? findBackend() : undefined;
const missing = found.problem ?? backend?.problem ?? false;
const [tools, runtimeProgram] = [found.tool, backend?.tool ?? ''];

/** Measures situations. */
async function bench(
  t: TestContext,
  cells: readonly Cell[],
  effort: Pick<BenchPlan, 'share' | 'runs' | 'warmCalls'>,
): Promise<Record<string, CellFigures>> {
  assert.ok(tools !== undefined);
  const measured: Record<string, CellFigures> = {};
  const told: string[] = [];
  const plan = { streaming: false, without: new Set<never>(), backend: runtimeProgram, tools, runtime: RUNTIME_KINDS[0] };
  await runBench(
    { ...plan, cells, ...effort },
    {
      tell: (line) => told.push(line),
      measured: ({ name }, figures) => {
        measured[name] = figures;
      },
      streamed: () => undefined,
    },
  );
  t.diagnostic(renderTable(cpuTable(measured), false));
  assert.deepEqual(
    told.filter((line) => line.startsWith('left out')),
    [],
  );
  return measured;
}

describe('the mesh beside nginx, Envoy, a TCP proxy and nothing', { skip: missing }, () => {
  it('is measured in every way, whatever the headers, the size, the shape, TLS or not', { timeout: 180_000 }, async (t) => {
    const names = [
      '256 B, 1×1, unique',
      '1 MiB, 16×16, identical',
      '256 B, 4×8, identical, half load',
      '4 KiB, 4×8, identical, TLS',
    ];
    const cells = allCells().filter(({ name }) => names.includes(name));
    const measured = await bench(t, cells, { share: 0.02, runs: 1, warmCalls: 0 });

    assert.deepEqual(Object.keys(measured).sort(), [...names].sort());
    for (const { name, ways } of cells) {
      const figures = measured[name] ?? assert.fail(name);
      assert.deepEqual(Object.keys(figures.ways).sort(), [...ways].sort(), name);
      for (const [way, { cpuUs, perSecond, p50Ms, p99Ms, residentBytes }] of Object.entries(figures.ways)) {
        assert.ok(perSecond > 0 && p50Ms > 0 && p99Ms >= p50Ms, `${name}, ${way}`);
        assert.equal(cpuUs > 0 && residentBytes > 0, way !== 'direct', `${name}, ${way}`);
      }
    }
  });

  it('costs no more of their CPU than its baselines and a third, or than in a second run at once', {
    timeout: 240_000,
  }, async (t) => {
    const failures = await worsenedTwice(async (only) => {
      const cells = BESIDE_CELLS.filter(
        ({ name }) => only === undefined || [...only].some((ratio) => ratio.startsWith(`${name}:`)),
      );
      const ratios = Object.entries(besideRatios(await bench(t, cells, { share: 0.5, runs: 5, warmCalls: WARM_CALLS })));
      return Object.fromEntries(ratios.filter(([name]) => only?.has(name) ?? true));
    }, readBaselines('bench'));
    assert.deepEqual(failures, []);
  });

  it('holds a thousand streams open, in front of either kind of runtime', { timeout: 120_000 }, async (t) => {
    assert.ok(tools !== undefined);
    await using load = new LoadProcess();
    for (const kind of RUNTIME_KINDS) {
      await using place = await freeFolder();
      await using runtime = await BenchRuntime.start(runtimeProgram, kind, place.path);
      await using started = await startWays(['h2'], runtime, tools, place.path, false);
      const [way = assert.fail('no mesh')] = started.ways;
      const figures = await measureStreaming(way, load, 1000);
      t.diagnostic(`${kind}: ${JSON.stringify(figures)}`);
      assert.equal(figures.streams, 1000);
      assert.ok(figures.messagesPerSecond > 0 && figures.cpuUs > 0);
    }
  });
});
