import { type Bytes, bytes, type DurationMs, durationMs } from '../units.ts';

const FACTORS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
  ['Pi', 2 ** 50],
]);

/** Bytes of a Kubernetes quantity such as `300Mi`, `1.5G` or `1024`, rounded up; `undefined` if it is none or no safe integer. */
export function parseQuantity(text: string): Bytes | undefined {
  const parts = /^([0-9]{1,16}(?:\.[0-9]{1,9})?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/.exec(text);
  const factor = FACTORS.get(parts?.[2] ?? '');
  if (parts?.[1] === undefined || factor === undefined) return undefined;
  const value = Math.ceil(Number(parts[1]) * factor);
  return Number.isSafeInteger(value) ? bytes(value) : undefined;
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** The length of a duration such as `30m`, `1h30m` or `500ms`, in whole milliseconds; `undefined` if it is none or no safe integer. */
export function parseDuration(text: string): DurationMs | undefined {
  if (text.length > 40 || !/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNITS_MS.get(unit ?? '') ?? 0);
  }
  const rounded = Math.round(total);
  return Number.isSafeInteger(rounded) ? durationMs(rounded) : undefined;
}

/** The shortest text that {@link parseDuration} reads as these whole milliseconds. */
export function durationText(ms: DurationMs): string {
  const [unit, factor] = [...UNITS_MS].findLast(([, unitMs]) => ms > 0 && ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}
