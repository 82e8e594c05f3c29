/** What a step over all copies of an instance costs: it runs on the thread that serves calls. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochMs, type InstanceId, instanceId, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { newModelRecord } from '../records/index.ts';
import { SeededRandom } from '../testing/index.ts';
import { type BusyCopy, type ClusterFacts, CopyScaler, type CountedCopy, scaleDownPass } from './index.ts';
import { aCluster, HOUR } from './testing/index.ts';

const COPIES = 2000;
const INSTANCES = 200;
const NOW = epochMs(1_700_000_000_000);
const STEP_MS_MAX = 5;
/** Machines that do other things too: a figure of speed may miss its aim by half. */
const LEEWAY = 1.5;

const names = Array.from({ length: INSTANCES }, (_, at) => `i${at}`);
const cluster: ClusterFacts = (() => {
  const facts = aCluster({ nowMs: NOW, instances: names, self: instanceId('i0'), freeShare: 0.02, cacheAgeMs: HOUR });
  const ranks = new Map<InstanceId, number>(names.map((id, at) => [instanceId(id), INSTANCES - at]));
  return {
    ...facts,
    isLive: (id) => ranks.has(id),
    isBefore: (a, b) => (ranks.get(a) ?? 0) < (ranks.get(b) ?? 0),
  };
})();

/** Every copy is used, one in twenty asks for help, half of them have others. */
function copiesAt(step: number): (CountedCopy & BusyCopy)[] {
  const random = new SeededRandom(1);
  return Array.from({ length: COPIES }, (_, at) => {
    const callsPerStep = at % 20 === 0 ? 400 + random.below(1000) : random.below(200);
    const holders = [0, ...Array.from({ length: at % 4 }, () => 1 + random.below(INSTANCES - 1))];
    const copies = new Map(holders.map((holder) => [instanceId(`i${holder}`), epochMs(NOW - 2 * HOUR)]));
    return {
      record: newModelRecord({ key: modelKey(`m${at}`), type: 'onnx', copies }),
      maxConcurrency: at % 2 === 1 ? 4 : null,
      generation: 1,
      counters: { calls: callsPerStep * step, processingMs: callsPerStep * step * 5, queuedMs: callsPerStep * step },
      inFlight: random.below(20),
    };
  });
}

/** The lower quartile of some runs in milliseconds of CPU time: what else the machine does only adds to it. */
function quartileMs(runs: number, run: (at: number) => void): number {
  const took = Array.from({ length: runs }, (_, at) => {
    const before = process.cpuUsage();
    run(at + 1);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return took.toSorted((a, b) => a - b)[Math.floor(runs / 4)] ?? Number.NaN;
}

test(`a step, a look and a pass over ${COPIES} copies take at most ${STEP_MS_MAX} ms each`, (context) => {
  const steps = Array.from({ length: 31 }, (_, at) => copiesAt(at + 1));
  const scaler = new CopyScaler(monotonicMs(0));
  let wanting = 0;
  const step = quartileMs(31, (at) => {
    const instant = { monotonicMs: monotonicMs(at * 10_000), wallMs: NOW };
    wanting += scaler.step(steps[at - 1] ?? [], cluster, instant).decisions.length;
  });
  const look = quartileMs(31, (at) => {
    scaler.look(steps[0] ?? [], cluster, { monotonicMs: monotonicMs(400_000 + at * 500), wallMs: NOW });
  });
  const idle = (steps[0] ?? []).map(({ record }, at) => ({
    record,
    units: sizeUnits(100),
    lastUsedMs: epochMs(NOW - at * 10_000),
    heavyAgeMs: null,
    load: undefined,
    queued: 0,
  }));
  let judged = 0;
  const pass = quartileMs(31, () => {
    const view = { cluster, nowMs: NOW, selfFull: true, freeShareOf: () => 0 };
    judged += scaleDownPass(idle, sizeUnits(200_000), view).decisions.length;
  });
  context.diagnostic(
    `step ${step.toFixed(2)} ms, look ${look.toFixed(2)} ms, pass ${pass.toFixed(2)} ms of CPU (lower quartiles of 31)`,
  );
  assert.ok(wanting > 2000 && judged > 1000, `${wanting} and ${judged} decisions`);
  const slowest = Math.max(step, look, pass);
  assert.ok(slowest <= STEP_MS_MAX * LEEWAY, `${slowest} ms`);
});
