/**
 * Order of keys as etcd and SQLite have it: by UTF-8 bytes, which is the order of code points. JavaScript's `<` compares UTF-16 units
 * and differs where a surrogate meets U+E000–U+FFFF.
 */

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

/** Negative, 0 or positive as `a` stands before, at or behind `b`. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** The first text behind everything that begins with `prefix`; `null` where there is none, as for the empty prefix. */
export function prefixEnd(prefix: string): string | null {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const code = last.codePointAt(0) ?? 0;
    if (code < 0x10ffff) return points.join('') + String.fromCodePoint(code + 1 === 0xd800 ? 0xe000 : code + 1);
  }
  return null;
}
