import { RE2JS } from '@bufbuild/re2';
import type { Environment } from '@marcbachmann/cel-js';

/** Ends an evaluation as a runtime error of CEL does; one for all, so that it costs no stack. */
const NOT_A_NUMBER: Error = new Error('no number');

const INT = /^[+-]?[0-9]+$/;
const DOUBLE = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const INT64_MAX = (1n << 63n) - 1n;

/**
 * Functions in which the library is not CEL: its regular expressions are those of JavaScript, which can run for minutes, and its numbers are what
 * `BigInt` and `Number` take. Calls of `cel` are compiled as calls of `own`, which has as many letters, so that positions stay.
 */
export const REPLACED: Readonly<Record<string, string>> = {
  matches: 'matchRE',
  int: 'i64',
  double: 'f64_of',
  getDayOfYear: 'dayOfYearUTC',
};

/** Registers what {@link REPLACED} names. `patterns` holds every pattern that the compiled expressions use. */
export function registerFunctions(environment: Environment, patterns: ReadonlyMap<string, RE2JS>): void {
  environment.registerFunction('string.matchRE(string): bool', (text: string, pattern: string) => {
    return patterns.get(pattern)?.test(text) ?? false;
  });
  environment.registerFunction('i64(int): int', (value: bigint) => value);
  environment.registerFunction('i64(string): int', intOf);
  environment.registerFunction('f64_of(double): double', (value: number) => value);
  environment.registerFunction('f64_of(int): double', (value: bigint) => Number(value));
  environment.registerFunction('f64_of(string): double', doubleOf);
  environment.registerFunction('google.protobuf.Timestamp.dayOfYearUTC(): int', dayOfYear);
}

/** A pattern of RE2, which takes time in proportion to the text. @throws {Error} if it is none */
export const compilePattern = (pattern: string): RE2JS => new RE2JS(pattern);

function intOf(text: string): bigint {
  if (!INT.test(text) || text.length > 64) throw NOT_A_NUMBER;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value > INT64_MAX || value < -INT64_MAX - 1n) throw NOT_A_NUMBER;
  return value;
}

function doubleOf(text: string): number {
  if (!DOUBLE.test(text)) throw NOT_A_NUMBER;
  const value = Number(text);
  if (!Number.isFinite(value)) throw NOT_A_NUMBER;
  return value;
}

function dayOfYear(time: Date): bigint {
  const newYearMs = new Date(time).setUTCMonth(0, 1);
  return BigInt(Math.round((time.getTime() - newYearMs) / 86_400_000));
}
