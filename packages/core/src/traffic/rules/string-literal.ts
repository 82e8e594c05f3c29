import { ExpressionFault } from './fault.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

/** How many hexadecimal digits an escape takes. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

/**
 * Reads the literal of a text that begins at `at` with `opening`: one or three quotes, with `r` before them if escapes mean nothing.
 *
 * @returns its meaning, and the offset behind its closing quotes
 */
export function readStringLiteral(source: string, at: number, opening: string): { readonly value: string; readonly end: number } {
  const raw = /^[rR]/.test(opening);
  const quotes = raw ? opening.slice(1) : opening;
  let value = '';
  let next = at + opening.length;
  for (;;) {
    if (next >= source.length) throw new ExpressionFault('the text is never closed', at);
    if (source.startsWith(quotes, next)) return { value: checked(value, at), end: next + quotes.length };
    const letter = source[next] ?? '';
    if (quotes.length === 1 && (letter === '\n' || letter === '\r')) throw new ExpressionFault('the text is never closed', at);
    if (raw && letter === '\\' && source.startsWith(quotes[0] ?? '', next + 1)) {
      throw new ExpressionFault('implementations differ in what a backslash before a quote means in a raw text', next);
    }
    if (letter === '\\' && !raw) {
      const meaning = escapeAt(source, next);
      value += meaning.value;
      next = meaning.end;
    } else {
      value += letter;
      next++;
    }
  }
}

function checked(value: string, at: number): string {
  if (!value.isWellFormed()) throw new ExpressionFault('the text holds half of a surrogate pair', at);
  return value;
}

function escapeAt(source: string, at: number): { readonly value: string; readonly end: number } {
  const letter = source[at + 1] ?? '';
  const simple = ESCAPES[letter];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  const hex = HEX_DIGITS[letter];
  if (hex !== undefined) return codePoint(source, at, at + 2, hex, 16);
  if (/[0-3]/.test(letter)) return codePoint(source, at, at + 1, 3, 8);
  throw new ExpressionFault(`unknown escape \\${letter}`, at);
}

function codePoint(source: string, at: number, from: number, digits: number, radix: 8 | 16) {
  const text = source.slice(from, from + digits);
  const wellFormed = radix === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/;
  if (text.length < digits || !wellFormed.test(text)) throw new ExpressionFault(`the escape needs ${digits} digits`, at);
  const code = Number.parseInt(text, radix);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new ExpressionFault('the escape names no character', at);
  return { value: String.fromCodePoint(code), end: from + digits };
}
