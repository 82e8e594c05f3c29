import { durationMs } from '@modelmesh/core';
import { CALLS_PER_MINUTE_BOUND_MIN, CONCURRENCY_PERCENT_RANGE, DEFAULT_SCALING_CONFIG } from '@modelmesh/core/scaling';
import { CLEARANCE_PERIOD_MS } from '@modelmesh/core/upkeep';
import { setting } from './setting.ts';
import { duration, either, integer, jsonText, oneOf, orWord, path, timesOf, type ValueKind, yesNo } from './value-kind.ts';

const COUNT_MAX = 1_000_000;
const HOUR_MS = 3_600_000;

const derived = oneOf('derived');

/** 0 is derived, and any number below it no limit. */
const inFlightOfModelMesh: ValueKind<number | null | 'derived'> = {
  expected: 'a whole number: 0 for what follows from the concurrency, a negative one for no limit',
  parse: (raw) => {
    const text = String(raw).trim();
    if (/^-[0-9]{1,9}$/.test(text)) return null;
    const value = integer(0, COUNT_MAX).parse(raw);
    return value === 0 ? 'derived' : value;
  },
};

/** How models are placed in several nodes, and how many copies they get. */
export const CLUSTER_SETTINGS = {
  typeConstraints: setting<string | null>({
    path: 'placement.typeConstraints',
    kind: jsonText,
    default: null,
    modelMesh: { names: ['MM_TYPE_CONSTRAINTS'] },
    live: true,
    doc: 'Which labels a node must have, or should have, for models of a type: `{"<type>": {"required": [labels], "preferred": [labels]}, "_default": …}`. All nodes must have the same.',
  }),
  typeConstraintsFile: setting<string | null>({
    path: 'placement.typeConstraintsFile',
    kind: path,
    default: null,
    modelMesh: { names: ['MM_TYPE_CONSTRAINTS_PATH'] },
    live: true,
    doc: 'The same in a file, which is read anew whenever it changes.',
  }),
  callsPerMinute: setting({
    path: 'scaling.callsPerMinuteMax',
    kind: integer(CALLS_PER_MINUTE_BOUND_MIN, COUNT_MAX),
    default: DEFAULT_SCALING_CONFIG.callsPerMinuteMax,
    modelMesh: { names: ['MM_SCALEUP_RPM_THRESHOLD'] },
    live: false,
    doc: 'Calls a minute that one copy is meant to take; with more another copy is loaded elsewhere. The parameter `scaleup_rpm_threshold` in the registry wins.',
  }),
  concurrencyPercent: setting({
    path: 'scaling.concurrencyPercent',
    kind: integer(CONCURRENCY_PERCENT_RANGE.min, CONCURRENCY_PERCENT_RANGE.max),
    default: DEFAULT_SCALING_CONFIG.concurrencyPercent,
    modelMesh: { names: ['MM_CONC_SCALEUP_BANDWIDTH_PCT'] },
    live: false,
    doc: 'Where the runtime limits the concurrency of its models: the share of it, in per cent, at which another copy is loaded.',
  }),
  turnsPerCopy: setting<number | null | 'derived'>({
    path: 'scaling.callsPerCopyMax',
    kind: either(orWord(integer(1, COUNT_MAX), 'none'), derived),
    default: 'derived' as const,
    modelMesh: { names: ['MM_MAX_INFLIGHT_PER_MODEL_COPY'], kind: inFlightOfModelMesh },
    live: true,
    doc: 'Where the runtime limits the concurrency of its models: calls that may run and wait at one copy. `derived` is 16, or eight times its concurrency if that is more. A call beyond it is tried at another copy once.',
  }),
  queueTime: setting({
    path: 'scaling.meanQueueMax',
    kind: orWord(duration(1, HOUR_MS), 'off'),
    default: DEFAULT_SCALING_CONFIG.meanQueueMaxMs,
    live: false,
    doc: 'Calls that wait longer than this at a copy, in the mean of ten seconds, ask for another copy.',
  }),
  hotCalls: setting({
    path: 'scaling.hotCallsPerCopyMax',
    kind: orWord(integer(1, COUNT_MAX), 'off'),
    default: DEFAULT_SCALING_CONFIG.hotCallsPerCopyMax,
    live: false,
    doc: 'Calls in flight at one copy that ask for another copy within a second, where they do not become fewer.',
  }),
  scaleUpsInFlight: setting({
    path: 'scaling.copiesInFlightMax',
    kind: integer(1, COUNT_MAX),
    default: DEFAULT_SCALING_CONFIG.scaleUpsInFlightMax,
    live: false,
    doc: 'Copies that one node may have asked for, for load, and that do not serve yet.',
  }),
  failFast: setting({
    path: 'start.failFast',
    kind: yesNo,
    default: true,
    modelMesh: { names: ['MM_FAILFAST_UPGRADE_ENABLED'] },
    live: false,
    doc: 'A node whose first loads fail, while others load the same models, is never ready again, so that a rolling upgrade stops.',
  }),
  failFastPeriod: setting({
    path: 'start.failFastPeriod',
    kind: duration(0, 24 * HOUR_MS),
    default: CLEARANCE_PERIOD_MS,
    modelMesh: { names: ['BOOTSTRAP_CLEARANCE_PERIOD_MS'], kind: timesOf(1, 0, durationMs(24 * HOUR_MS)) },
    live: false,
    doc: 'How long after the start loads are judged like this.',
  }),
};
