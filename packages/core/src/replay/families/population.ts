/**
 * Models as they are served: sizes over two orders of magnitude, and load times that are a start-up of the model's own plus its bytes over
 * the bandwidth of where it lies. So a small model costs more seconds a byte than a large one, and equal sizes differ a little.
 */

import type { Random } from '../../random.ts';
import { bytes, durationMs, modelKey } from '../../units.ts';
import type { TraceModel } from '../trace.ts';
import { logNormal } from './chance.ts';

const MIB = 2 ** 20;
const SIZE = { medianMib: 64, deviation: 1, minMib: 4, maxMib: 1024 } as const;
const STARTUP = { medianMs: 400, deviation: 0.6 } as const;
const BANDWIDTH = { medianMibPerSecond: 120, deviation: 0.4 } as const;

/** One model by chance. */
export function someModel(random: Random, name: string): TraceModel {
  const sizeMib = Math.min(SIZE.maxMib, Math.max(SIZE.minMib, logNormal(random, SIZE.medianMib, SIZE.deviation)));
  const startupMs = logNormal(random, STARTUP.medianMs, STARTUP.deviation);
  const bandwidth = logNormal(random, BANDWIDTH.medianMibPerSecond, BANDWIDTH.deviation);
  return {
    key: modelKey(name),
    bytes: bytes(Math.round(sizeMib * MIB)),
    loadMs: durationMs(Math.round(startupMs + (sizeMib / bandwidth) * 1000)),
  };
}

/** `count` models named `prefix`-0 and so on. */
export const someModels = (random: Random, prefix: string, count: number): readonly TraceModel[] =>
  Array.from({ length: count }, (_, id) => someModel(random, `${prefix}-${id}`));
