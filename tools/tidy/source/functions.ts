/** Finds functions and measures them. */
import type { SourceFile } from './repository.ts';
import { afterBracket, type Token } from './scan.ts';

/** One function with a body. */
export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  /** Lines from its first to its last, without the tests and suites that are written inside it. */
  readonly lines: number;
}

interface Body {
  readonly name: string;
  /** Token indexes: first token, index after the last. */
  readonly first: number;
  readonly end: number;
  readonly suite: boolean;
}

const NOT_METHODS = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'with',
  'function',
  'return',
  'await',
  'typeof',
  'super',
  'import',
]);
const SUITE_CALLS = new Set(['describe', 'suite', 'it', 'test', 'before', 'after', 'beforeEach', 'afterEach']);
const TYPE_JOINTS = new Set(['|', '&', '=>', '.', 'is', 'keyof', 'asserts', 'readonly', 'typeof', 'unique', 'new']);

/** All functions, methods, accessors and arrows of a file. */
export function functionsOf(file: SourceFile): readonly FunctionSpan[] {
  const { tokens } = file.scan;
  const bodies = tokens.flatMap((_, at) => bodyAt(tokens, at) ?? []);
  return bodies.map((body) => ({ name: body.name, line: tokens[body.first]?.line ?? 0, lines: ownLines(tokens, body, bodies) }));
}

function ownLines(tokens: readonly Token[], body: Body, all: readonly Body[]): number {
  const inner = all.filter((one) => one.suite && one.first > body.first && one.end <= body.end);
  const outermost = inner.filter(
    (one) => !inner.some((other) => other !== one && other.first <= one.first && other.end >= one.end),
  );
  return outermost.reduce((sum, one) => sum - span(tokens, one), span(tokens, body));
}

const span = (tokens: readonly Token[], body: Body): number =>
  (tokens[body.end - 1]?.line ?? 0) - (tokens[body.first]?.line ?? 0) + 1;

function bodyAt(tokens: readonly Token[], at: number): Body | undefined {
  const token = tokens[at];
  if (token?.kind === 'punct' && token.text === '=>') return arrowAt(tokens, at);
  if (token?.kind === 'punct' && token.text === '(') return functionAt(tokens, at);
  return undefined;
}

/** `=> { … }` or `=> expression`, which ends with the bracket, comma or semicolon that does not belong to it. */
function arrowAt(tokens: readonly Token[], arrow: number): Body {
  const first = parametersBefore(tokens, arrow);
  const suite = suiteCallBefore(tokens, first);
  const name = nameBefore(tokens, first);
  if (tokens[arrow + 1]?.text === '{') return { name, first, end: afterBracket(tokens, arrow + 1), suite };
  let at = arrow + 1;
  while (at < tokens.length) {
    const token = tokens[at];
    if (token?.kind === 'punct' && [',', ';', ')', ']', '}'].includes(token.text)) break;
    // `=> void {`: the arrow was the type that a method returns, and here the method begins.
    if (token?.text === '{' && tokens[at - 1]?.kind === 'word') break;
    at = token?.kind === 'punct' && '([{'.includes(token.text) ? afterBracket(tokens, at) : at + 1;
  }
  return { name, first, end: at, suite };
}

/** The index of the `(` or the word that begins an arrow's parameters; the arrow itself when a return type hides it. */
function parametersBefore(tokens: readonly Token[], arrow: number): number {
  if (tokens[arrow - 1]?.kind === 'word' && tokens[arrow - 2]?.text !== ':') return arrow - 1;
  let depth = 0;
  for (let at = arrow - 1; at >= 0; at--) {
    const token = tokens[at];
    if (token?.kind !== 'punct') continue;
    if (')]}'.includes(token.text)) depth++;
    else if ('([{'.includes(token.text)) {
      if (depth === 0) break;
      depth--;
      if (depth === 0 && token.text === '(' && tokens[at - 1]?.text !== '=>') return at;
    } else if (depth === 0 && token.text === ';') break;
  }
  return arrow;
}

/** `(…) { … }` and `(…): Type { … }` after a name: a function, a method or an accessor. */
function functionAt(tokens: readonly Token[], open: number): Body | undefined {
  const before = tokens[open - 1];
  if (before === undefined || (before.kind === 'word' && NOT_METHODS.has(before.text) && before.text !== 'function'))
    return undefined;
  if (before.kind === 'punct' && ![']', '>', '*'].includes(before.text)) return undefined;
  const brace = bodyBrace(tokens, afterBracket(tokens, open));
  if (brace === undefined) return undefined;
  const first = before.text === '>' ? beforeAngle(tokens, open - 1) : open - 1;
  const suite = before.text === 'function' && suiteCallBefore(tokens, first);
  return { name: tokens[first]?.text ?? 'function', first, end: afterBracket(tokens, brace), suite };
}

/** The index of the name in `name<T>(`. */
function beforeAngle(tokens: readonly Token[], close: number): number {
  let depth = 0;
  for (let at = close; at > 0; at--) {
    const text = tokens[at]?.text;
    if (text === '>') depth++;
    else if (text === '<' && --depth === 0) return at - 1;
  }
  return close;
}

/** Skips a return type; `undefined` when no body follows. */
function bodyBrace(tokens: readonly Token[], after: number): number | undefined {
  if (tokens[after]?.text === '{') return after;
  if (tokens[after]?.text !== ':') return undefined;
  let at = after + 1;
  let complete = false;
  while (at < tokens.length) {
    const token = tokens[at];
    if (token === undefined || token.text === ';' || token.text === ')' || token.text === ']' || token.text === '}')
      return undefined;
    if (complete && token.text === '{') return at;
    if (TYPE_JOINTS.has(token.text)) {
      complete = false;
      at++;
    } else if (token.text === '<') {
      at = afterAngle(tokens, at);
      complete = true;
    } else {
      const bracket = '([{'.includes(token.text);
      const goesOn = token.text === '[' || (token.text === '(' && tokens[at - 1]?.text === 'import');
      if (complete && !goesOn) return undefined;
      complete = true;
      at = bracket ? afterBracket(tokens, at) : at + 1;
    }
  }
  return undefined;
}

function afterAngle(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const text = tokens[at]?.text;
    if (text === '<') depth++;
    else if (text === '>' && --depth === 0) return at + 1;
  }
  return tokens.length;
}

/** Whether the argument that begins at `first` stands in a call of `describe`, `it` and so on. */
function suiteCallBefore(tokens: readonly Token[], first: number): boolean {
  let depth = 0;
  for (let at = first - 1; at >= 0 && at > first - 40; at--) {
    const text = tokens[at]?.text ?? '';
    if (tokens[at]?.kind !== 'punct') continue;
    if (')]}'.includes(text)) depth++;
    else if ('([{'.includes(text) && depth-- === 0) return text === '(' && suiteCallee(tokens, at - 1);
    else if (text === ';') return false;
  }
  return false;
}

const suiteCallee = (tokens: readonly Token[], at: number): boolean =>
  SUITE_CALLS.has(tokens[at]?.text ?? '') || (tokens[at - 1]?.text === '.' && SUITE_CALLS.has(tokens[at - 2]?.text ?? ''));

function nameBefore(tokens: readonly Token[], first: number): string {
  const at = tokens[first - 1]?.text === 'async' ? first - 2 : first - 1;
  if (['=', ':'].includes(tokens[at]?.text ?? '')) return tokens[at - 1]?.text ?? 'arrow';
  return 'arrow';
}
