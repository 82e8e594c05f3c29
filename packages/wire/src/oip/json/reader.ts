import { Buffer, isUtf8 } from 'node:buffer';
import { MeshError } from '@modelmesh/core';
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  DOT,
  END,
  LETTER_E,
  LETTER_E_UPPER,
  LETTER_F,
  LETTER_I_UPPER,
  LETTER_N,
  LETTER_N_UPPER,
  LETTER_T,
  LETTER_U,
  MINUS,
  NINE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLUS,
  QUOTE,
  startsNumber,
  ZERO,
} from './ascii.ts';
import { EXACT_INTEGER_MAX, POWERS_OF_TEN } from './decimal.ts';
import { JSON_LIMITS, type JsonLimits } from './limits.ts';
import { firstInvalidUtf8, positionOf, startOfText } from './position.ts';

/** A place to come back to: what stood before the value that decides how to read was met later. */
export interface ReaderMark {
  readonly pos: number;
  readonly elements: number;
}

/**
 * Reads JSON from bytes under the direction of its caller, who knows what should come next: no tree is built, numbers go where they belong.
 * Unlike `JSON.parse` it loses nothing (64-bit integers, `1` against `1.0`), refuses repeated keys and lone surrogates, and says where.
 *
 * Every method throws {@link MeshError}: `invalid-argument` with line and column, or `too-large` beyond a limit.
 */
export class JsonReader {
  readonly bytes: Uint8Array;
  /** The same bytes, for who reads several at once. */
  readonly view: DataView;
  /** The next byte to be read. */
  pos: number;
  /** The contents of the string that `scanString` read last, without quotes, and whether they hold escapes. */
  stringStart = 0;
  stringEnd = 0;
  stringEscaped = false;
  readonly #buffer: Buffer;
  readonly #limits: JsonLimits;
  readonly #prefix: string;
  #depth = 0;
  #elements = 0;
  #bareWords = false;

  /** @param prefix stands before every complaint about the syntax, for protocols that have a phrase of their own. */
  constructor(bytes: Uint8Array, limits: JsonLimits = JSON_LIMITS, prefix = '') {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
    this.#prefix = prefix;
    this.pos = 0;
    if (bytes.length > limits.bytesMax) {
      throw new MeshError('too-large', `JSON body of ${bytes.length} bytes; at most ${limits.bytesMax} are accepted`);
    }
    if (!isUtf8(bytes)) this.fail('not valid UTF-8', firstInvalidUtf8(bytes));
    this.pos = startOfText(bytes);
  }

  /** Refuses the document, with the position of byte `at`. */
  fail(problem: string, at: number = this.pos): never {
    const { line, column } = positionOf(this.bytes, at);
    throw new MeshError('invalid-argument', `${this.#prefix}invalid JSON at line ${line}, column ${column}: ${problem}`);
  }

  /** Refuses what stands at `pos`, saying what should stand there. */
  unexpected(expected: string): never {
    if (this.pos >= this.bytes.length) this.fail(`unexpected end, expected ${expected}`);
    const shown = String.fromCodePoint(this.#buffer.toString('utf8', this.pos, this.pos + 4).codePointAt(0) ?? 0xfffd);
    this.fail(`unexpected ${JSON.stringify(shown)}, expected ${expected}`);
  }

  /** Skips white space; returns the byte that follows without reading it, or {@link END}. */
  space(): number {
    const bytes = this.bytes;
    let pos = this.pos;
    let byte = bytes[pos] as number;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++pos] as number;
    this.pos = pos;
    return pos < bytes.length ? byte : END;
  }

  /** Refuses anything but white space after the document's value. */
  finish(): void {
    if (this.space() !== END) this.unexpected('the end of the document');
  }

  mark(): ReaderMark {
    return { pos: this.pos, elements: this.#elements };
  }

  rewind(mark: ReaderMark): void {
    this.pos = mark.pos;
    this.#elements = mark.elements;
  }

  /** Steps over the opening bracket of an array or object; `leave` must follow. */
  enter(): void {
    if (++this.#depth > this.#limits.depthMax) {
      const { line, column } = positionOf(this.bytes, this.pos);
      throw new MeshError('too-large', `JSON nested deeper than ${this.#limits.depthMax} at line ${line}, column ${column}`);
    }
    this.pos++;
  }

  leave(): void {
    this.#depth--;
  }

  /** After an element: true if a comma and so another element follows, false if the array ended. Both are stepped over. */
  moreElements(): boolean {
    const byte = this.space();
    if (byte !== COMMA && byte !== CLOSE_ARRAY) this.unexpected('"," or "]"');
    this.pos++;
    this.countElements(1);
    return byte === COMMA;
  }

  /** Reads an array; `visit` must read exactly one value. */
  array(what: string, visit: (index: number) => void): void {
    if (this.space() !== OPEN_ARRAY) this.unexpected(`${what} as an array`);
    this.enter();
    if (this.space() === CLOSE_ARRAY) this.pos++;
    else {
      let index = 0;
      do {
        visit(index++);
      } while (this.moreElements());
    }
    this.leave();
  }

  /** Reads an object; `visit` must read exactly one value. Repeated keys are refused. */
  object(what: string, visit: (key: string) => void): void {
    if (this.space() !== OPEN_OBJECT) this.unexpected(`${what} as an object`);
    this.enter();
    if (this.space() === CLOSE_OBJECT) this.pos++;
    else {
      const seen = new Set<string>();
      do {
        if (this.space() !== QUOTE) this.unexpected('a key in double quotes');
        const at = this.pos;
        const key = this.text('a key');
        if (seen.size === seen.add(key).size) this.fail(`the key ${JSON.stringify(key)} is repeated`, at);
        if (this.space() !== COLON) this.unexpected('":"');
        this.pos++;
        visit(key);
      } while (this.#moreMembers());
    }
    this.leave();
  }

  /** Counts elements or members when they have been read: what is beyond the limit is the last that costs anything. */
  countElements(count: number): void {
    this.#elements += count;
    if (this.#elements > this.#limits.elementsMax) {
      throw new MeshError('too-large', `JSON body of more than ${this.#limits.elementsMax} array elements and object members`);
    }
  }

  #moreMembers(): boolean {
    const byte = this.space();
    if (byte !== COMMA && byte !== CLOSE_OBJECT) this.unexpected('"," or "}"');
    this.pos++;
    this.countElements(1);
    return byte === COMMA;
  }

  /** Reads a string. */
  text(what: string): string {
    if (this.space() !== QUOTE) this.unexpected(`${what} as a string`);
    const at = this.pos;
    this.scanString();
    if (!this.stringEscaped) return this.#buffer.toString('utf8', this.stringStart, this.stringEnd);
    const text: string = JSON.parse(this.#buffer.toString('utf8', at, this.pos));
    if (!text.isWellFormed()) this.fail('the string holds half of a surrogate pair', at);
    return text;
  }

  /** Steps over the string whose opening quote is at `pos` and leaves its bounds in `stringStart`, `stringEnd`, `stringEscaped`. */
  scanString(): void {
    const bytes = this.bytes;
    let pos = this.pos + 1;
    this.stringStart = pos;
    this.stringEscaped = false;
    for (;;) {
      const byte = bytes[pos] as number;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.stringEscaped = true;
        pos += this.#escapeLength(pos);
      } else if (byte >= 0x20) pos++;
      else if (pos >= bytes.length) this.fail('unexpected end within a string', pos);
      else this.fail('a control character within a string must be escaped', pos);
    }
    this.stringEnd = pos;
    this.pos = pos + 1;
  }

  #escapeLength(at: number): number {
    const letter = this.bytes[at + 1] as number;
    if (letter === LETTER_U) {
      for (let i = 2; i < 6; i++)
        if (!isHexDigit(this.bytes[at + i] as number)) this.fail('\\u needs four hexadecimal digits', at);
      return 6;
    }
    // " \ / b f n r t
    const known = letter === QUOTE || letter === BACKSLASH || letter === 0x2f || letter === 0x62 || letter === LETTER_F;
    if (!known && letter !== LETTER_N && letter !== 0x72 && letter !== LETTER_T) this.fail('unknown escape within a string', at);
    return 2;
  }

  /** Reads a number as a double, correctly rounded. */
  number(): number {
    const bytes = this.bytes;
    const start = this.pos;
    let pos = start;
    let byte = bytes[pos] as number;
    if (byte === MINUS) byte = bytes[++pos] as number;
    if (!(byte >= ZERO && byte <= NINE)) {
      this.pos = pos;
      this.unexpected('a number');
    }
    const leadingZero = byte === ZERO;
    let mantissa = byte - ZERO;
    for (byte = bytes[++pos] as number; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number) {
      if (leadingZero) this.fail('a number must not begin with 0', start);
      mantissa = mantissa * 10 + (byte - ZERO);
    }
    let exponent = 0;
    if (byte === DOT) {
      const point = pos;
      for (byte = bytes[++pos] as number; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number) {
        mantissa = mantissa * 10 + (byte - ZERO);
      }
      exponent = point + 1 - pos;
      if (exponent === 0) this.fail('digits must follow the decimal point', pos);
    }
    this.pos = pos;
    if (byte === LETTER_E || byte === LETTER_E_UPPER) exponent += this.#exponent();
    // Both operands exact, so one correctly rounded operation gives the nearest double (Clinger 1990); anything else goes to the engine.
    if (mantissa > EXACT_INTEGER_MAX || exponent > 22 || exponent < -22) return this.numberBetween(start, this.pos);
    const magnitude =
      exponent < 0 ? mantissa / (POWERS_OF_TEN[-exponent] as number) : mantissa * (POWERS_OF_TEN[exponent] as number);
    return bytes[start] === MINUS ? -magnitude : magnitude;
  }

  /** Steps over an exponent; returns it, or what is as good as infinite. */
  #exponent(): number {
    const bytes = this.bytes;
    const sign = bytes[this.pos + 1] as number;
    let pos = this.pos + (sign === MINUS || sign === PLUS ? 2 : 1);
    const digits = pos;
    let written = 0;
    for (let byte = bytes[pos] as number; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number) {
      written = Math.min(written * 10 + (byte - ZERO), 1_000_000);
    }
    if (pos === digits) this.fail('digits must follow the exponent', pos);
    this.pos = pos;
    return sign === MINUS ? -written : written;
  }

  /** The double that the number token of bytes `from` to `to` stands for. */
  numberBetween(from: number, to: number): number {
    return Number(this.#buffer.toString('latin1', from, to));
  }

  /** Reads a number and returns it as it is written. */
  numberToken(): string {
    const start = this.pos;
    this.number();
    return this.#buffer.toString('latin1', start, this.pos);
  }

  /** Reads `true` or `false`. */
  boolean(what: string): boolean {
    const byte = this.space();
    if (byte === LETTER_T) return this.word('true', true);
    if (byte === LETTER_F) return this.word('false', false);
    return this.unexpected(`${what} as true or false`);
  }

  /** Steps over `null` if it stands here. */
  nullHere(): boolean {
    return this.space() === LETTER_N && this.word('null', true);
  }

  /** Steps over the letters of `word`, which must stand here, and returns `meaning`. */
  word<Meaning>(word: string, meaning: Meaning): Meaning {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.pos + i] !== word.charCodeAt(i)) this.unexpected(word);
    this.pos += word.length;
    return meaning;
  }

  /** Reads any value and drops it; its syntax is checked as strictly as if it were kept. */
  skip(): void {
    const byte = this.space();
    if (byte === OPEN_ARRAY) this.array('a value', this.#skipValue);
    else if (byte === OPEN_OBJECT) this.object('a value', this.#skipValue);
    else if (byte === QUOTE) this.#skipString();
    else if (byte === LETTER_T) this.word('true', true);
    else if (byte === LETTER_F) this.word('false', false);
    else if (byte === LETTER_N) this.word('null', null);
    else if (this.#bareWords && this.#skipBareWord(byte)) return;
    else if (startsNumber(byte)) this.number();
    else this.unexpected('a value');
  }

  /** As `skip`, but takes the words `NaN`, `Infinity` and `-Infinity` for numbers, as tensor data does. */
  skipData(): void {
    this.#bareWords = true;
    this.skip();
    this.#bareWords = false;
  }

  #skipBareWord(byte: number): boolean {
    if (byte === LETTER_N_UPPER) return this.word('NaN', true);
    if (byte === LETTER_I_UPPER) return this.word('Infinity', true);
    return byte === MINUS && this.bytes[this.pos + 1] === LETTER_I_UPPER && this.word('-Infinity', true);
  }

  /** Only escapes can hide half of a surrogate pair: the document is UTF-8. */
  #skipString(): void {
    const at = this.pos;
    this.scanString();
    if (!this.stringEscaped) return;
    this.pos = at;
    this.text('a value');
  }

  readonly #skipValue = (): void => this.skip();

  /** The text of bytes `from` to `to`, for messages that quote the document. */
  quote(from: number, to: number): string {
    const text = this.#buffer.toString('utf8', from, Math.min(to, from + 40));
    return to - from > 40 ? `${text}…` : text;
  }
}

function isHexDigit(byte: number): boolean {
  return (byte >= ZERO && byte <= NINE) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
