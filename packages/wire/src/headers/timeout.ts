import { type DurationMs, durationMs, MeshError } from '@modelmesh/core';
import type { HeaderReader } from './header-reader.ts';
import { HEADER } from './names.ts';

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

const DIGITS_BOUND = 100_000_000;

/**
 * The time that a `grpc-timeout` leaves: at most eight digits and a unit. Source: gRPC over HTTP/2, *Timeout*.
 *
 * @throws {MeshError} `invalid-argument` if it has another form.
 */
export function parseGrpcTimeout(value: string): DurationMs {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(value);
  const perUnit = MS_PER_UNIT.get(match?.[2] ?? '');
  if (match === null || perUnit === undefined) {
    throw new MeshError(
      'invalid-argument',
      `grpc-timeout must be 1 to 8 digits and one of H M S m u n, got ${JSON.stringify(value)}`,
    );
  }
  return durationMs(Number(match[1]) * perUnit);
}

/**
 * `remaining` as a `grpc-timeout`: rounded down, never less than 1 ms, in milliseconds as long as eight digits hold them (27 hours) and in
 * coarser units above.
 */
export function formatGrpcTimeout(remaining: DurationMs): string {
  const wholeMs = Math.max(1, Math.floor(remaining));
  if (wholeMs < DIGITS_BOUND) return `${wholeMs}m`;
  const seconds = Math.floor(wholeMs / 1000);
  if (seconds < DIGITS_BOUND) return `${seconds}S`;
  return `${Math.min(Math.floor(seconds / 3600), DIGITS_BOUND - 1)}H`;
}

/** The longest `mm-timeout-ms` that is accepted: one day. */
export const REST_TIMEOUT_MS_MAX = 86_400_000;

/**
 * The time that a REST call may take by its `mm-timeout-ms`; `undefined` without one.
 *
 * @throws {MeshError} `invalid-argument` unless it is a whole number from 1 to {@link REST_TIMEOUT_MS_MAX}.
 */
export function readRestTimeout(headers: HeaderReader): DurationMs | undefined {
  const value = headers.get(HEADER.timeoutMs);
  if (value === undefined) return undefined;
  const ms = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
  if (ms < 1 || ms > REST_TIMEOUT_MS_MAX) {
    const expected = `a whole number of milliseconds from 1 to ${REST_TIMEOUT_MS_MAX}`;
    throw new MeshError('invalid-argument', `${HEADER.timeoutMs} must be ${expected}, got ${JSON.stringify(value)}`);
  }
  return durationMs(ms);
}
