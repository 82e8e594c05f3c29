import type { StrategyPolicy } from '../../records/index.ts';
import { durationMs } from '../../units.ts';
import type { LearningConfig, StrategyProblem } from './strategy.ts';

/** The longest time that an answer may be given. */
const LATENCY_TARGET_MAX_MS = 3_600_000;
const CALLS_MIN_MAX = 1_000_000;

interface Field {
  readonly expected: string;
  is(value: number): boolean;
}

const FIELDS: Readonly<Record<keyof LearningConfig, Field>> = {
  explore: { expected: 'a number from 0 to 1', is: (value) => value >= 0 && value <= 1 },
  latencyTargetMs: {
    expected: `milliseconds from 1 to ${LATENCY_TARGET_MAX_MS}`,
    is: (value) => value >= 1 && value <= LATENCY_TARGET_MAX_MS,
  },
  callsMin: {
    expected: `a whole number from 0 to ${CALLS_MIN_MAX}`,
    is: (value) => Number.isInteger(value) && value >= 0 && value <= CALLS_MIN_MAX,
  },
};

const isField = (name: string): name is keyof LearningConfig => Object.hasOwn(FIELDS, name);

/** Everything that is wrong with the `config` of a strategy that learns. */
export function learningProblems({ config }: StrategyPolicy): readonly StrategyProblem[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const path = `config.${name}`;
    if (!isField(name)) return [{ path, expected: `one of ${Object.keys(FIELDS).join(', ')}` }];
    const { expected, is } = FIELDS[name];
    return typeof value === 'number' && is(value) ? [] : [{ path, expected }];
  });
}

/** What a `config` without problems says, the rest by `defaults`. */
export function readLearningConfig({ config }: StrategyPolicy, defaults: LearningConfig): LearningConfig {
  const read = (name: keyof LearningConfig): number | undefined => {
    const value = Object.hasOwn(config, name) ? config[name] : undefined;
    return typeof value === 'number' ? value : undefined;
  };
  const target = read('latencyTargetMs');
  return {
    explore: read('explore') ?? defaults.explore,
    latencyTargetMs: target === undefined ? defaults.latencyTargetMs : durationMs(target),
    callsMin: read('callsMin') ?? defaults.callsMin,
  };
}
