import { decodeInferResponse, decodeRestInferRequest, encodeInferRequest, encodeRestInferResponse } from '@modelmesh/wire/oip';
import { pairedRatios, type Spread, spreadOf } from '../figures/index.ts';
import { type FloatCall, floatCalls, type NumberStyle } from './bodies.ts';
import { slowAnswerOf, slowRequestBytes } from './slow-way.ts';

/** How long the conversion is measured. */
export interface ConversionPlan {
  readonly rounds: number;
  /** Conversions of one run. */
  readonly calls: number;
}

/** What a V2 request of 1 000 floats and its answer cost on their way to protobuf and back. */
export interface ConversionFigures {
  readonly style: NumberStyle;
  /** CPU of one request and its answer in microseconds; medians. */
  readonly requestUs: number;
  readonly answerUs: number;
  /** The same by `JSON.parse`, generated classes and `JSON.stringify`. */
  readonly slowRequestUs: number;
  readonly slowAnswerUs: number;
  /** Both ways, in CPU of the slow way. */
  readonly ratio: Spread;
  /** The same where the slow way makes raw contents by hand, which classes know nothing of. */
  readonly ratioRaw: Spread;
}

/** The conversion may cost so much of the slow way's CPU, for the style that is shortest. */
export const CONVERSION_MAX = 1 / 3;

const STYLES: readonly NumberStyle[] = ['shortest', 'two decimals', 'as Python'];
const WARM_ROUNDS = 3;
const MODEL = 'm';
const ALL_OUTPUTS = { modelName: MODEL, answer: { binaryByDefault: false, outputs: [] } };

const ways = {
  request: ({ body }: FloatCall): unknown => encodeInferRequest(decodeRestInferRequest(body, { modelName: MODEL }).request),
  answer: ({ answer }: FloatCall): unknown => encodeRestInferResponse(decodeInferResponse(answer), ALL_OUTPUTS),
  slowRequest: ({ body }: FloatCall): unknown => slowRequestBytes(MODEL, body),
  slowRequestRaw: ({ body }: FloatCall): unknown => slowRequestBytes(MODEL, body, true),
  slowAnswer: ({ answer }: FloatCall): unknown => slowAnswerOf(answer),
};
type Way = keyof typeof ways;

/** Measures each way in turns, for each style of numbers. */
export const runConversion = (plan: ConversionPlan): readonly ConversionFigures[] => STYLES.map((style) => measure(style, plan));

function measure(style: NumberStyle, plan: ConversionPlan): ConversionFigures {
  const calls = floatCalls(style);
  const names = Object.keys(ways) as Way[];
  const costs = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Way, number[]>;
  for (let round = -WARM_ROUNDS; round < plan.rounds; round++) {
    for (const name of names) {
      const cost = costOf(ways[name], calls, plan.calls);
      if (round >= 0) costs[name].push(cost);
    }
  }
  const middle = (name: Way): number => spreadOf(costs[name]).median;
  const sum = (one: Way, other: Way): readonly number[] => costs[one].map((cost, at) => cost + (costs[other][at] ?? 0));
  const fast = sum('request', 'answer');
  return {
    style,
    requestUs: middle('request'),
    answerUs: middle('answer'),
    slowRequestUs: middle('slowRequest'),
    slowAnswerUs: middle('slowAnswer'),
    ratio: spreadOf(pairedRatios(fast, sum('slowRequest', 'slowAnswer'))),
    ratioRaw: spreadOf(pairedRatios(fast, sum('slowRequestRaw', 'slowAnswer'))),
  };
}

/** CPU of one call in microseconds, the collector's included. */
function costOf(way: (call: FloatCall) => unknown, calls: readonly FloatCall[], count: number): number {
  const before = process.cpuUsage();
  for (let done = 0; done < count; done++) {
    const call = calls[done % calls.length];
    if (call !== undefined) way(call);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Whether the conversion costs as little as it should, or at most `leeway` times more. */
export const conversionHolds = (figures: readonly ConversionFigures[], leeway = 1): boolean =>
  figures.every(({ style, ratio }) => style !== 'shortest' || ratio.median <= CONVERSION_MAX * leeway);
