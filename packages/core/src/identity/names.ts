import { ID_BYTES_MAX, type ModelKey, modelKey } from '../units.ts';

/** What a version looks like: it stands in URLs, keys and file names. */
export const VERSION_PATTERN = /^[A-Za-z0-9._-]{1,63}$/;

/** What a family looks like. Stricter than a key, which may be any text: a family is a word in a key and must not hold its `@`. */
export const FAMILY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Whether `text` can be a version. */
export const isVersion = (text: string): boolean => VERSION_PATTERN.test(text);

/** Whether `text` can be a family. */
export const isFamily = (text: string): boolean => FAMILY_PATTERN.test(text);

/** The key of one version of a family: `fraud@3`. */
export const versionedKey = (family: string, version: string): ModelKey => modelKey(`${family}@${version}`);

/** The length of `text` in UTF-8; a lone surrogate counts three, as its replacement character does. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1))) {
      length += 4;
      at++;
    } else length += 3;
  }
  return length;
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

/** What is wrong with a model key, endpoint id or namespace, as a clause that follows its name; `undefined` if nothing is. */
export function idProblem(text: string): string | undefined {
  if (text.length === 0) return 'must not be empty';
  if (!text.isWellFormed()) return 'must be valid Unicode';
  if (text.length * 3 > ID_BYTES_MAX && utf8Length(text) > ID_BYTES_MAX)
    return `must be at most ${ID_BYTES_MAX} bytes long in UTF-8`;
  return undefined;
}
