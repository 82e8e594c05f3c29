/** ModelMesh's dynamic parameters (spec `modelmesh.md` §6.4): strings under `/config/<name>` that change a running node. */

import { assertNever } from '../assert.ts';

/** Log levels that a parameter may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'off'] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The parameters in force. */
export interface DynamicParameters {
  readonly logLevel: LogLevel;
  readonly logEachInvocation: boolean;
  /** Calls a minute that a copy is meant to take; of no effect in latency mode. */
  readonly scaleUpCallsPerMinute: number;
  /** Whether the destination is sent along with forwarded calls. */
  readonly sendDestinationId: boolean;
}

const NAMES = ['logger_level', 'log_each_invocation', 'scaleup_rpm_threshold', 'send_destination_id', 'disable'] as const;
/** The names of the keys. */
export type DynamicParameterName = (typeof NAMES)[number];
/** The names of the keys. */
export const DYNAMIC_PARAMETERS: readonly DynamicParameterName[] = NAMES;

/** The least that `scaleup_rpm_threshold` may be. */
export const SCALE_UP_THRESHOLD_MIN = 10;
/** Longer values are refused unread. */
export const PARAMETER_CHARS_MAX = 256;

/** What became of a key that was put or deleted. `parameters` are those in force from now on, whatever it was. */
export interface ParameterChange {
  readonly kind: 'changed' | 'unchanged' | 'refused' | 'unknown';
  readonly parameters: DynamicParameters;
  /** What was done, or what is wrong and what was expected. */
  readonly because: string;
}

const isName = (name: string): name is DynamicParameterName => (NAMES as readonly string[]).includes(name);

/**
 * Takes a key that was put (`text`) or deleted (`undefined`): a deleted one means the node's own setting again. A value that cannot be read
 * leaves what was in force, except that ModelMesh's log level becomes `info`. Never throws.
 */
export function applyParameter(
  current: DynamicParameters,
  own: DynamicParameters,
  name: string,
  text: string | undefined,
): ParameterChange {
  if (!isName(name))
    return { kind: 'unknown', parameters: current, because: `no parameter is called ${name.slice(0, PARAMETER_CHARS_MAX)}` };
  if (text !== undefined && text.length > PARAMETER_CHARS_MAX)
    return { kind: 'refused', parameters: current, because: `${name} is longer than ${PARAMETER_CHARS_MAX} characters` };
  const read = readParameter(own, name, text?.trim());
  const parameters = { ...current, ...read.part };
  const changed = (Object.keys(parameters) as (keyof DynamicParameters)[]).some((key) => parameters[key] !== current[key]);
  if (read.problem !== undefined) return { kind: 'refused', parameters, because: read.problem };
  return {
    kind: changed ? 'changed' : 'unchanged',
    parameters,
    because: text === undefined ? `${name} was deleted` : `${name} is ${text}`,
  };
}

interface Read {
  readonly part: Partial<DynamicParameters>;
  readonly problem?: string;
}

function readParameter(own: DynamicParameters, name: DynamicParameterName, text: string | undefined): Read {
  switch (name) {
    case 'logger_level':
      return readLevel(text);
    case 'log_each_invocation':
      return readFlag(name, text, own.logEachInvocation, (logEachInvocation) => ({ logEachInvocation }));
    case 'send_destination_id':
      return readFlag(name, text, own.sendDestinationId, (sendDestinationId) => ({ sendDestinationId }));
    case 'scaleup_rpm_threshold':
      return readThreshold(text, own);
    case 'disable':
      return { part: {} };
    default:
      return assertNever(name);
  }
}

function readLevel(text: string | undefined): Read {
  if (text === undefined) return { part: { logLevel: 'info' } };
  const wanted = text.toLowerCase();
  // The names of ModelMesh's logger that have others here.
  const alias: Readonly<Record<string, LogLevel>> = { warning: 'warn', fatal: 'error', all: 'trace' };
  const level = LOG_LEVELS.find((one) => one === wanted) ?? alias[wanted];
  if (level !== undefined) return { part: { logLevel: level } };
  return { part: { logLevel: 'info' }, problem: `logger_level must be one of ${LOG_LEVELS.join(', ')}, got ${text}: info` };
}

function readFlag(
  name: DynamicParameterName,
  text: string | undefined,
  own: boolean,
  part: (value: boolean) => Partial<DynamicParameters>,
): Read {
  if (text === undefined) return { part: part(own) };
  const value = text.toLowerCase();
  if (value === 'true' || value === 'false') return { part: part(value === 'true') };
  return { part: {}, problem: `${name} must be true or false, got ${text}` };
}

function readThreshold(text: string | undefined, own: DynamicParameters): Read {
  if (text === undefined) return { part: { scaleUpCallsPerMinute: own.scaleUpCallsPerMinute } };
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SCALE_UP_THRESHOLD_MIN) return { part: { scaleUpCallsPerMinute: value } };
  return { part: {}, problem: `scaleup_rpm_threshold must be a whole number of at least ${SCALE_UP_THRESHOLD_MIN}, got ${text}` };
}

/** Whether a node must not start: `disable` is set to anything but `false`. Looked at once, at the start (spec §3.5). */
export const isDisabled = (text: string | undefined): boolean => text !== undefined && text.trim().toLowerCase() !== 'false';
