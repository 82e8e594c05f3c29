/** Strategies of endpoints. */
import { durationMs } from '@modelmesh/core';
import { setting } from './setting.ts';
import { duration, integer, listOf, path } from './value-kind.ts';

const HOUR_MS = 3_600_000;

/** Half of the time after which a worker that gives no sign of life is replaced. */
const PICK_WAIT_MAX_MS = 500;
const MICROSECONDS_MAX = 1_000_000;

export const STRATEGY_SETTINGS = {
  plugins: setting<readonly string[]>({
    path: 'plugins',
    kind: listOf(path),
    default: [],
    live: false,
    doc: 'Modules of plug-ins: files, relative to the folder that the node runs in, or packages. Each exports by default what `defineStrategy` or `defineComparer` of `@modelmesh/sdk` returned, or a list of that. All nodes should have the same.',
  }),
  pickWait: setting({
    path: 'strategies.pickWaitMax',
    kind: duration(1, PICK_WAIT_MAX_MS),
    default: durationMs(25),
    live: false,
    doc: 'How long a request waits for a strategy of a plug-in in its path; then weights decide. One that does not come back for a second is barred.',
  }),
  pickBudget: setting({
    path: 'strategies.pickBudgetMicroseconds',
    kind: integer(1, MICROSECONDS_MAX),
    default: 200,
    live: false,
    doc: 'What an answer of a strategy in the path of requests may take; one whose median is more is barred.',
  }),
  weightsWait: setting({
    path: 'strategies.weightsWaitMax',
    kind: duration(1, HOUR_MS),
    default: durationMs(5000),
    live: false,
    doc: 'How long a strategy of a plug-in may take to set weights; then its thread is ended, and the last weights stay. Three times in a row bar it.',
  }),
  strategyPeriod: setting({
    path: 'strategies.period',
    kind: duration(100, HOUR_MS),
    default: durationMs(5000),
    live: false,
    doc: 'How often nodes publish what came of the calls of endpoints whose strategy learns, and how often the leader sets their weights by it.',
  }),
};
