import { ExpressionFault } from './fault.ts';
import { readStringLiteral } from './string-literal.ts';

/** A word of an expression. Brackets and operators are their own kind. */
export interface Token {
  readonly kind: 'name' | 'string' | 'int' | 'double' | 'end' | 'mark';
  /** As it is written; of a mark the mark itself. */
  readonly text: string;
  /** Meaning of a literal. */
  readonly value: string | number | bigint;
  readonly at: number;
  readonly end: number;
}

const MARKS = [
  '&&',
  '||',
  '==',
  '!=',
  '<=',
  '>=',
  '<',
  '>',
  '!',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '+',
  '-',
  '*',
  '/',
  '%',
];
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPACE = /(?:[ \t\n\f\r]+|\/\/[^\n]*)*/y;
const DOUBLE = /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y;
const INT = /(?:0[xX][0-9a-fA-F]+|[0-9]+)/y;
const STRING = /([rR]?)("""|'''|"|')/y;
const BYTES = /(?:[bB][rR]?|[rR][bB])["']/y;

/** Words of `source` in order; the last one is the end. Source: CEL's grammar, https://github.com/google/cel-spec/blob/master/doc/langdef.md. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += matched(SPACE, source, at).length;
    if (at >= source.length) break;
    const token = tokenAt(source, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: 'end', text: '', value: '', at: source.length, end: source.length });
  return tokens;
}

function matched(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? '';
}

function tokenAt(source: string, at: number): Token {
  if (matched(BYTES, source, at) !== '') throw new ExpressionFault('byte strings are not supported', at);
  const opening = matched(STRING, source, at);
  if (opening !== '') {
    const { value, end } = readStringLiteral(source, at, opening);
    return { kind: 'string', text: source.slice(at, end), value, at, end };
  }
  const number = numberAt(source, at);
  if (number !== undefined) return number;
  const name = matched(NAME, source, at);
  if (name !== '') return { kind: 'name', text: name, value: '', at, end: at + name.length };
  const mark = MARKS.find((one) => source.startsWith(one, at));
  if (mark !== undefined) return { kind: 'mark', text: mark, value: '', at, end: at + mark.length };
  const shown = String.fromCodePoint(source.codePointAt(at) ?? 0);
  throw new ExpressionFault(`unexpected ${JSON.stringify(shown)}`, at);
}

function numberAt(source: string, at: number): Token | undefined {
  const double = matched(DOUBLE, source, at);
  const text = double === '' ? matched(INT, source, at) : double;
  if (text === '') return undefined;
  const end = at + text.length;
  const after = source[end] ?? '';
  if (after === 'u' || after === 'U') throw new ExpressionFault('unsigned integers are not supported', at);
  if (/[A-Za-z0-9_]/.test(after)) throw new ExpressionFault(`a number cannot be followed by ${JSON.stringify(after)}`, end);
  if (double === '') return { kind: 'int', text, value: BigInt(text), at, end };
  const value = Number(text);
  if (!Number.isFinite(value)) throw new ExpressionFault('the number is beyond the range of a double', at);
  return { kind: 'double', text, value, at, end };
}
