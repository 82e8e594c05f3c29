/** Octets of bytes and of strings: hashes, comparison, and integers as HPACK writes them. */

const SEED = 0x2f0b4c47;
const FACTOR = 0x9e3779b1;

/** A hash of 31 bits, four octets a step. Not for use where who chooses the octets must not choose the hash. */
export function hashOctets(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash = Math.imul(hash ^ word, FACTOR);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), FACTOR);
  return (hash ^ (hash >>> 16)) & 0x7fffffff;
}

/** Whether `a` from `startA` on holds the same `count` octets as `b` from `startB` on. */
export function sameOctets(a: Uint8Array, startA: number, b: Uint8Array, startB: number, count: number): boolean {
  for (let at = 0; at < count; at += 1) if (a[startA + at] !== b[startB + at]) return false;
  return true;
}

/** Octets that an integer takes behind a prefix whose largest value is `prefixMax` (RFC 7541 §5.1). */
export function integerBytes(prefixMax: number, value: number): number {
  let count = 1;
  if (value < prefixMax) return count;
  for (let rest = value - prefixMax; rest >= 128; rest >>>= 7) count += 1;
  return count + 1;
}

/** Writes an integer below 2^31 behind `pattern`, the bits above its prefix. @returns where it ends */
export function putInteger(target: Uint8Array, at: number, pattern: number, prefixMax: number, value: number): number {
  let to = at;
  if (value < prefixMax) {
    target[to] = pattern | value;
    return to + 1;
  }
  target[to] = pattern | prefixMax;
  to += 1;
  let rest = value - prefixMax;
  for (; rest >= 128; rest >>>= 7) {
    target[to] = 0x80 | (rest & 0x7f);
    to += 1;
  }
  target[to] = rest;
  return to + 1;
}
