import type { JsonValue } from '@modelmesh/wire/oip';

/** A value as JSON; integers of any size keep their digits. */
export function jsonText(value: JsonValue): string {
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Map) {
    const members = [...value].map(([key, member]: [string, JsonValue]) => `${JSON.stringify(key)}:${jsonText(member)}`);
    return `{${members.join(',')}}`;
  }
  return `[${(value as readonly JsonValue[]).map(jsonText).join(',')}]`;
}
