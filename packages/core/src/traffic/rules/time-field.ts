const DAY_MS = 86_400_000;

/** Floor division that also holds for times before 1970. */
const part = (ms: number, unitMs: number, count: number): number => {
  const rest = Math.floor(ms / unitMs) % count;
  // Plus 0: what is left of a time before 1970 may be -0.
  return (rest < 0 ? rest + count : rest) + 0;
};

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

/**
 * Days since 1970 as year × 512 + month × 32 + day, month and day from 0. The year begins in March here, so that a leap day is its last.
 * Numbers instead of a `Date`, since a rule may not allocate.
 */
function civil(days: number): number {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5);
  const month = marchMonth < 10 ? marchMonth + 2 : marchMonth - 10;
  const year = yearOfEra + era * 400 + (month <= 1 ? 1 : 0);
  return year * 512 + month * 32 + day;
}

/** Days from 1970 to the first of January. `Date.UTC` takes years below 100 for others. */
function firstDayOf(year: number): number {
  const before = year - 1;
  return 365 * before + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 719_162;
}

const yearOf = (ms: number): number => Math.floor(civil(dayOf(ms)) / 512);

/** Accessors of CEL's timestamps, in UTC. Months, days of the month, week and year count from 0; `getDate` counts from 1. */
export const TIME_FIELDS = {
  getFullYear: yearOf,
  getMonth: (ms: number) => part(civil(dayOf(ms)), 32, 16),
  getDate: (ms: number) => part(civil(dayOf(ms)), 1, 32) + 1,
  getDayOfMonth: (ms: number) => part(civil(dayOf(ms)), 1, 32),
  getDayOfWeek: (ms: number) => part(ms + 4 * DAY_MS, DAY_MS, 7),
  getDayOfYear: (ms: number) => dayOf(ms) - firstDayOf(yearOf(ms)),
  getHours: (ms: number) => part(ms, 3_600_000, 24),
  getMinutes: (ms: number) => part(ms, 60_000, 60),
  getSeconds: (ms: number) => part(ms, 1000, 60),
  getMilliseconds: (ms: number) => part(ms, 1, 1000),
} satisfies Readonly<Record<string, (ms: number) => number>>;

/** Name of an accessor of a time. */
export type TimeField = keyof typeof TIME_FIELDS;

/** Tells the accessors from other methods. */
export const isTimeField = (name: string): name is TimeField => Object.hasOwn(TIME_FIELDS, name);

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds since 1970 of an instant as RFC 3339 writes it, at most to the millisecond; `undefined` if it is none. */
export function readInstantMs(text: string): number | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const midnightMs = new Date(`${text.slice(0, 10)}T00:00:00Z`).getTime();
  const days = Number.isNaN(midnightMs) ? undefined : civil(dayOf(midnightMs));
  // A day that its month does not have becomes one of the next month, or none.
  if (days === undefined || days !== year * 512 + (month - 1) * 32 + day - 1) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || year === 0) return undefined;
  const zone = match[8] ?? 'Z';
  const [zoneHours, zoneMinutes] = zone === 'Z' ? [0, 0] : [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (zoneHours > 23 || zoneMinutes > 59) return undefined;
  const offsetMs = (zoneHours * 60 + zoneMinutes) * 60_000 * (zone.startsWith('-') ? -1 : 1);
  const dayMs = ((hour * 60 + minute) * 60 + second) * 1000 + Math.round(Number(match[7] ?? 0) * 1000);
  return midnightMs + dayMs - offsetMs;
}
