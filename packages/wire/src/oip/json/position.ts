/** Where a byte of a document stands, as an editor shows it: both count from 1, columns count characters. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

const LINE_FEED = 0x0a;

/** Finds line and column of byte `offset`. Slow on purpose: only errors ask. */
export function positionOf(bytes: Uint8Array, offset: number): TextPosition {
  let line = 1;
  let column = 1;
  const end = Math.min(offset, bytes.length);
  for (let i = startOfText(bytes); i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === LINE_FEED) {
      line++;
      column = 1;
    } else if ((byte & 0xc0) !== 0x80) column++; // continuation bytes belong to the character before
  }
  return { line, column };
}

/** Length of the byte order mark that some editors put before UTF-8. RFC 8259 §8.1 allows a reader to ignore it. */
export function startOfText(bytes: Uint8Array): 0 | 3 {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629), or -1. Only asked once the fast check has failed. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i);
    if (length === 0) return i;
    i += length;
  }
  return -1;
}

/** Bytes of the well-formed character at `at`, or 0. The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  return length;
}
