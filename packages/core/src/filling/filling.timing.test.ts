/** The leader's run over a large registry: in all, and in the pieces in which it is done between calls. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, epochMs, instanceId, type ModelKey, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { type ModelRecord, newModelRecord } from '../records/index.ts';
import { SeededRandom } from '../testing/index.ts';
import { Filler, type FillSituation } from './index.ts';
import { aNode, HOUR, NOW } from './testing/index.ts';

const MODELS = 200_000;
const INSTANCES = 200;
const PIECE = 1000;
const RUN_MS_MAX = 250;

const cpuMs = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

test(`a run over ${MODELS} models and ${INSTANCES} instances takes at most ${RUN_MS_MAX} ms, in pieces that hold up nobody`, (context) => {
  const random = new SeededRandom(1);
  const records: ModelRecord[] = Array.from({ length: MODELS }, (_, at) => {
    const isLoaded = at % 10 === 0;
    const copies: ModelRecord['copies'] = isLoaded
      ? new Map([[instanceId(`i${at % INSTANCES}`), epochMs(NOW - HOUR)]])
      : new Map();
    const lastUsedMs = epochMs(NOW - random.below(30 * HOUR));
    return newModelRecord({ key: modelKey(`m${at}`) as ModelKey, type: `t${at % 5}`, copies, lastUsedMs });
  });
  const nodes = Array.from({ length: INSTANCES }, (_, at) =>
    aNode(`i${at}`, { capacity: 20_000, used: at % 4 === 0 ? 5000 : 20_000, threads: 8 }),
  );
  const ids = new Set(nodes.map(({ id }) => id));
  const situation: FillSituation = {
    nodes,
    defaultUnits: sizeUnits(10),
    typicalLoadMs: durationMs(1000),
    mayHold: (type, id) => type !== 't0' || Number(id.slice(1)) < 100,
    unitsOf: ({ key }) => sizeUnits(5 + (key.length % 20)),
    loadMsOf: () => durationMs(1000),
    isLive: (id) => ids.has(id),
  };
  const runs: { readonly scan: number; readonly piece: number; readonly plan: number; readonly loads: number }[] = [];
  for (let at = 0; at < 7; at += 1) {
    const run = new Filler({ kind: 'leader' }).begin(situation, { monotonicMs: monotonicMs(at * 10_000), wallMs: NOW });
    const pieces: number[] = [];
    for (let from = 0; from < MODELS; from += PIECE)
      pieces.push(cpuMs(() => run.scan.consider(records.slice(from, from + PIECE))));
    let loads = 0;
    const plan = cpuMs(() => {
      loads = run.finish().loads.length;
    });
    runs.push({ scan: pieces.reduce((sum, ms) => sum + ms, 0), piece: median(pieces), plan, loads });
  }
  const [scan, piece, plan] = [
    median(runs.map((run) => run.scan)),
    median(runs.map((run) => run.piece)),
    median(runs.map((run) => run.plan)),
  ];
  context.diagnostic(
    `scan ${scan.toFixed(1)} ms (${piece.toFixed(2)} ms per ${PIECE} models), plan ${plan.toFixed(1)} ms of CPU, ${runs[0]?.loads} loads`,
  );
  assert.ok((runs[0]?.loads ?? 0) >= 500, `${runs[0]?.loads} loads`);
  assert.ok(scan + plan <= RUN_MS_MAX);
});
