/** One attribute of a distinguished name, its value without escapes. */
export interface NameAttribute {
  /** As written, such as `O` or `OU`. */
  readonly type: string;
  readonly value: string;
}

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

/**
 * The attributes of a distinguished name in the text form of RFC 4514, in their order; those of a multi-valued element stand one by one.
 *
 * What a value says of itself is not trusted to end it: only a separator that no backslash escapes does. OpenSSL, which writes the names
 * that come here, sets blanks around the `+` of multi-valued elements and leaves characters beyond ASCII as they are.
 */
export function nameAttributes(name: string): NameAttribute[] {
  return splitUnescaped(name).flatMap((part) => {
    const equals = part.indexOf('=');
    return equals <= 0 ? [] : [{ type: part.slice(0, equals).trim(), value: unescapeValue(part.slice(equals + 1)) }];
  });
}

/** The stretches between commas and plus signs that are not escaped. */
function splitUnescaped(name: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < name.length; at += 1) {
    const char = name[at];
    if (char === '\\') at += 1;
    else if (char === ',' || char === '+') {
      parts.push(name.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(name.slice(start));
  return parts;
}

/** A value as it is: `\2C` is the byte 2C, `\,` the comma, and blanks at either end count only when they are escaped (RFC 4514 §2.4, §3). */
function unescapeValue(escaped: string): string {
  // Nearly every name: nothing is escaped in it, and REST reads one with each request.
  if (!escaped.includes('\\') && !escaped.startsWith(' ') && !escaped.endsWith(' ')) return escaped;
  let start = 0;
  while (escaped[start] === ' ') start += 1;
  const text = escaped.slice(start);
  const bytes: Buffer[] = [];
  let keptBytes = 0;
  let byteCount = 0;
  for (let at = 0; at < text.length; ) {
    const [piece, width] = pieceAt(text, at);
    bytes.push(piece);
    byteCount += piece.length;
    if (width > 1 || text[at] !== ' ') keptBytes = byteCount;
    at += width;
  }
  return Buffer.concat(bytes).subarray(0, keptBytes).toString('utf8');
}

/** The bytes that stand at `at`, and how many characters write them. */
function pieceAt(text: string, at: number): readonly [Buffer, number] {
  const point = text.codePointAt(at) ?? 0;
  if (text[at] !== '\\') return [Buffer.from(String.fromCodePoint(point)), point > 0xffff ? 2 : 1];
  const pair = text.slice(at + 1, at + 3);
  if (HEX_PAIR.test(pair)) return [Buffer.from(pair, 'hex'), 3];
  const escaped = text.codePointAt(at + 1);
  if (escaped === undefined) return [Buffer.from('\\'), 1];
  return [Buffer.from(String.fromCodePoint(escaped)), escaped > 0xffff ? 3 : 2];
}
