/** Strategies of endpoints. */
import { durationMs } from '@modelmesh/core';
import { setting } from './setting.ts';
import { duration } from './value-kind.ts';

const HOUR_MS = 3_600_000;

export const STRATEGY_SETTINGS = {
  strategyPeriod: setting({
    path: 'strategies.period',
    kind: duration(100, HOUR_MS),
    default: durationMs(5000),
    live: false,
    doc: 'How often nodes publish what came of the calls of endpoints whose strategy learns, and how often the leader sets their weights by it.',
  }),
};
