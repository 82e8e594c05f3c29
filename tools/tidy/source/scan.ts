/**
 * A scanner for TypeScript that knows just enough to measure code: strings, templates, regular expressions and comments are told from
 * code, and nothing else is. The compiler of TypeScript 7 has no JavaScript API that could be asked instead.
 */

/** One token of code. `text` of a string is its content without quotes; a template is cut into its literal parts. */
export interface Token {
  readonly kind: 'word' | 'punct' | 'number' | 'string' | 'template' | 'regex';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Counted from 1. */
  readonly line: number;
}

/** One comment with its marks. */
export interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** What {@link scan} finds, both in the order of the text. */
export interface Scan {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const WORD = /[#$\w\u00a0-\uffff]+/y;
const NUMBER = /\d[\w.]*/y;
const PUNCTUATION = /\.\.\.|=>|===|!==|==|!=|\?\.|\?\?=?|&&=?|\|\|=?|<=|\*\*=?|[-+*/%&|^]=|\+\+|--|[^\s]/y;
const REGEX = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;

/** Words after which a `/` begins a regular expression, not a division. */
const BEFORE_REGEX = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'delete',
  'void',
  'throw',
  'new',
  'do',
  'else',
  'yield',
  'await',
]);

class Scanner {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  /** For each open `${`, how many braces are open inside it. */
  readonly #templates: number[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  run(): Scan {
    if (this.#text.startsWith('#!')) this.#skipTo(this.#lineEnd());
    while (this.#at < this.#text.length) this.#next();
    return { tokens: this.#tokens, comments: this.#comments };
  }

  #next(): void {
    const char = this.#text.charAt(this.#at);
    if (/\s/.test(char)) this.#skipTo(this.#at + 1);
    else if (this.#text.startsWith('//', this.#at)) this.#comment(this.#lineEnd());
    else if (this.#text.startsWith('/*', this.#at)) this.#comment(this.#after('*/'));
    else if (char === "'" || char === '"') this.#string(char);
    else if (char === '`') this.#template();
    else if (char === '}' && this.#templates.at(-1) === 0) {
      this.#templates.pop();
      this.#template();
    } else this.#code(char);
  }

  #code(char: string): void {
    if (/\d/.test(char)) this.#match('number', NUMBER);
    else if (char === '/' && this.#regexMayStart() && this.#matches(REGEX)) this.#match('regex', REGEX);
    else if (this.#matches(WORD)) this.#match('word', WORD);
    else {
      this.#countBraces(char);
      this.#match('punct', PUNCTUATION);
    }
  }

  #countBraces(char: string): void {
    const depth = this.#templates.length - 1;
    if (depth < 0 || (char !== '{' && char !== '}')) return;
    this.#templates[depth] = (this.#templates[depth] ?? 0) + (char === '{' ? 1 : -1);
  }

  #regexMayStart(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === 'word') return BEFORE_REGEX.has(last.text);
    return last.kind === 'punct' && ![')', ']', '}', '++', '--'].includes(last.text);
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  #match(kind: Token['kind'], pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0] ?? this.#text.charAt(this.#at);
    this.#push(kind, text, this.#at + text.length);
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== '\n')
      end += this.#text[end] === '\\' ? 2 : 1;
    this.#push('string', this.#text.slice(this.#at + 1, end), end + 1);
  }

  /** The literal part of a template from a backtick or a closing `}` up to the next `${` or backtick. */
  #template(): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '`' && !this.#text.startsWith('${', end))
      end += this.#text[end] === '\\' ? 2 : 1;
    const opens = this.#text[end] === '$';
    this.#push('template', this.#text.slice(this.#at + 1, end), end + (opens ? 2 : 1));
    if (opens) this.#templates.push(0);
  }

  #comment(end: number): void {
    this.#comments.push({ text: this.#text.slice(this.#at, end), start: this.#at, end, line: this.#line });
    this.#skipTo(end);
  }

  #push(kind: Token['kind'], text: string, end: number): void {
    this.#tokens.push({ kind, text, start: this.#at, end, line: this.#line });
    this.#skipTo(end);
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #after(mark: string): number {
    const found = this.#text.indexOf(mark, this.#at + mark.length);
    return found < 0 ? this.#text.length : found + mark.length;
  }

  #skipTo(end: number): void {
    for (let at = this.#at; at < end; at++) if (this.#text[at] === '\n') this.#line++;
    this.#at = end;
  }
}

/** Cuts the text of a TypeScript or JavaScript file into tokens and comments. Never throws: odd text gives odd tokens. */
export const scan = (text: string): Scan => new Scanner(text).run();

/** The index after the bracket that closes the one at `open`, or the number of tokens. */
export function afterBracket(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.kind === 'template') continue;
    if (token?.kind !== 'punct') continue;
    if ('([{'.includes(token.text)) depth++;
    else if (')]}'.includes(token.text) && --depth === 0) return at + 1;
  }
  return tokens.length;
}
