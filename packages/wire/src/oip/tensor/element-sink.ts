import { Buffer } from 'node:buffer';
import { assertNever, MeshError } from '@modelmesh/core';
import {
  integerOf,
  type JsonReader,
  LETTER_I_UPPER,
  LETTER_N_UPPER,
  MINUS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  readIntegers,
  readNumbers,
  startsBoolean,
  startsNumber,
} from '../json/index.ts';
import { type Datatype, type DatatypeTraits, traitsOf } from './datatype.ts';
import { appendBytesElement, GrowingBytes } from './growing-bytes.ts';

const TWO_POW_32 = 2 ** 32;

/** Where a run of numbers is read before it is stored; used within one synchronous call at a time. */
const numbers = new Float64Array(256);

/** How an {@link ElementSink} reads what JSON leaves open. */
export interface SinkOptions {
  /** Names the tensor in errors, for instance `input "x"`. */
  readonly label: string;
  /** Elements that are likely to come; only saves copies. */
  readonly expected?: number;
  /** V1: an element of a BYTES tensor may be `{"b64": "<base64>"}`. */
  readonly base64Objects?: boolean;
}

/**
 * Takes the elements of one tensor from JSON straight into its raw bytes: no array, no object per element.
 *
 * Accepted per datatype: BOOL `true`/`false`; integers within range, also as `1.0` or `1e2`; floats as numbers, as the strings `"NaN"`,
 * `"Infinity"`, `"-Infinity"`, and as those words bare, which Python writes though JSON has no such tokens; BYTES as strings, kept as UTF-8.
 * A float is the nearest double first and then the nearest float32, as in numpy.
 */
export class ElementSink {
  readonly datatype: Datatype;
  readonly label: string;
  /** Elements taken so far. */
  count = 0;
  readonly #traits: DatatypeTraits;
  readonly #min: number;
  readonly #max: number;
  readonly #into: GrowingBytes;
  readonly #base64Objects: boolean;

  /** @throws {MeshError} `invalid-argument` for a datatype without a JSON form. */
  constructor(datatype: Datatype, options: SinkOptions) {
    this.datatype = datatype;
    this.label = options.label;
    this.#traits = traitsOf(datatype);
    if (this.#traits.json === 'none') {
      throw new MeshError('invalid-argument', `${options.label}: ${datatype} has no JSON form; send it as binary tensor data`);
    }
    this.#min = Number(this.#traits.min ?? 0n);
    this.#max = Number(this.#traits.max ?? 0n);
    this.#into = new GrowingBytes((options.expected ?? 0) * (this.#traits.byteSize ?? 8));
    this.#base64Objects = options.base64Objects === true;
  }

  /** The raw data of what was taken. */
  data(): Uint8Array {
    return this.#into.written();
  }

  /** Takes the elements of an innermost array, whose first one comes next, up to and including its closing bracket. */
  takeUntilEnd(reader: JsonReader): void {
    const form = this.#traits.json;
    switch (form) {
      case 'float':
        do this.#floats(reader);
        while (reader.moreElements());
        return;
      case 'integer':
        do this.#integers(reader);
        while (reader.moreElements());
        return;
      case 'integer64':
        do this.#integers64(reader);
        while (reader.moreElements());
        return;
      case 'boolean':
        do this.#boolean(reader);
        while (reader.moreElements());
        return;
      case 'text':
        do this.#text(reader);
        while (reader.moreElements());
        return;
      case 'none':
        return;
      default:
        assertNever(form);
    }
  }

  /** Takes the one element that comes next. */
  takeOne(reader: JsonReader): void {
    const form = this.#traits.json;
    switch (form) {
      case 'float':
        this.#float(reader);
        return;
      case 'integer':
        this.#integer(reader);
        return;
      case 'integer64':
        this.#integer64(reader);
        return;
      case 'boolean':
        this.#boolean(reader);
        return;
      case 'text':
        this.#text(reader);
        return;
      case 'none':
        return;
      default:
        assertNever(form);
    }
  }

  /** One element at least, as many plain ones as there are. */
  #floats(reader: JsonReader): void {
    const single = this.datatype === 'FP32';
    const count = readNumbers(reader, numbers, single ? 'single' : 'double');
    if (count === 0) {
      this.#float(reader);
      return;
    }
    const size = single ? 4 : 8;
    let at = this.#into.reserve(count * size);
    const view = this.#into.view;
    if (single) for (let i = 0; i < count; i++, at += 4) view.setFloat32(at, numbers[i] as number, true);
    else for (let i = 0; i < count; i++, at += 8) view.setFloat64(at, numbers[i] as number, true);
    this.#into.used = at;
    this.count += count;
  }

  #float(reader: JsonReader): void {
    const byte = reader.space();
    const at = reader.pos;
    const special = byte === QUOTE || byte === LETTER_N_UPPER || byte === LETTER_I_UPPER || isMinusInfinity(reader, byte);
    const value = special ? this.#specialFloat(reader, byte) : this.#finite(reader);
    if (this.datatype === 'FP32') {
      const to = this.#into.reserve(4);
      if (!special && !Number.isFinite(Math.fround(value))) this.#outOfRange(reader, at);
      this.#into.view.setFloat32(to, value, true);
      this.#into.used = to + 4;
    } else {
      const to = this.#into.reserve(8);
      if (!special && !Number.isFinite(value)) this.#outOfRange(reader, at);
      this.#into.view.setFloat64(to, value, true);
      this.#into.used = to + 8;
    }
    this.count++;
  }

  #finite(reader: JsonReader): number {
    if (!startsNumber(reader.bytes[reader.pos] as number)) this.#wrongElement(reader, 'a number');
    return reader.number();
  }

  #specialFloat(reader: JsonReader, byte: number): number {
    if (byte === LETTER_N_UPPER) return reader.word('NaN', Number.NaN);
    if (byte === LETTER_I_UPPER) return reader.word('Infinity', Number.POSITIVE_INFINITY);
    if (byte === MINUS) return reader.word('-Infinity', Number.NEGATIVE_INFINITY);
    const at = reader.pos;
    const word = reader.text('an element');
    if (word === 'NaN') return Number.NaN;
    if (word === 'Infinity') return Number.POSITIVE_INFINITY;
    if (word === '-Infinity') return Number.NEGATIVE_INFINITY;
    return this.#refuse(reader.quote(at, reader.pos), 'is not a number; the only strings are "NaN", "Infinity" and "-Infinity"');
  }

  #integers(reader: JsonReader): void {
    const count = readIntegers(reader, numbers);
    if (count === 0) {
      this.#integer(reader);
      return;
    }
    this.#into.reserve(count * (this.#traits.byteSize as number));
    for (let i = 0; i < count; i++) this.#putInteger(numbers[i] as number);
  }

  #integer(reader: JsonReader): void {
    reader.space();
    const value = Number(this.#longInteger(reader));
    this.#into.reserve(this.#traits.byteSize as number);
    this.#putInteger(value);
  }

  #putInteger(value: number): void {
    if (value < this.#min || value > this.#max) this.#refuse(String(value), `does not fit in ${this.datatype}`);
    const size = this.#traits.byteSize as number;
    const at = this.#into.used;
    // The low bytes of two's complement are the same for signed and unsigned.
    if (size === 4) this.#into.view.setInt32(at, value, true);
    else if (size === 2) this.#into.view.setInt16(at, value, true);
    else this.#into.view.setInt8(at, value);
    this.#into.used = at + size;
    this.count++;
  }

  #integers64(reader: JsonReader): void {
    const count = readIntegers(reader, numbers);
    if (count === 0) {
      this.#integer64(reader);
      return;
    }
    this.#into.reserve(count * 8);
    const view = this.#into.view;
    for (let i = 0; i < count; i++) {
      const value = numbers[i] as number;
      if (value < this.#min) this.#refuse(String(value), `does not fit in ${this.datatype}`);
      const high = Math.floor(value / TWO_POW_32);
      view.setUint32(this.#into.used, value - high * TWO_POW_32, true);
      view.setInt32(this.#into.used + 4, high, true);
      this.#into.used += 8;
      this.count++;
    }
  }

  #integer64(reader: JsonReader): void {
    reader.space();
    const value = this.#longInteger(reader);
    const at = this.#into.reserve(8);
    this.#into.view.setBigInt64(at, BigInt.asIntN(64, value), true);
    this.#into.used = at + 8;
    this.count++;
  }

  /** One integer, however it is written: any number of digits, a point, an exponent. */
  #longInteger(reader: JsonReader): bigint {
    if (!startsNumber(reader.bytes[reader.pos] as number)) this.#wrongElement(reader, 'an integer');
    const at = reader.pos;
    const value = integerOf(reader.numberToken());
    if (value === undefined) return this.#refuse(reader.quote(at, reader.pos), `is not an integer, as ${this.datatype} needs`);
    const { min = 0n, max = 0n } = this.#traits;
    if (value < min || value > max) this.#outOfRange(reader, at);
    return value;
  }

  #boolean(reader: JsonReader): void {
    if (!startsBoolean(reader.space())) this.#wrongElement(reader, 'true or false');
    const at = this.#into.reserve(1);
    this.#into.bytes[at] = reader.boolean('an element') ? 1 : 0;
    this.#into.used = at + 1;
    this.count++;
  }

  #text(reader: JsonReader): void {
    const byte = reader.space();
    const at = reader.pos;
    if (byte === OPEN_OBJECT && this.#base64Objects) appendBytesElement(this.#into, this.#base64Object(reader));
    else if (byte !== QUOTE) this.#wrongElement(reader, 'a string');
    else {
      reader.scanString();
      if (reader.stringEscaped) {
        reader.pos = at;
        appendBytesElement(this.#into, Buffer.from(reader.text('an element')));
      } else appendBytesElement(this.#into, reader.bytes, reader.stringStart, reader.stringEnd);
    }
    this.count++;
  }

  #base64Object(reader: JsonReader): Uint8Array {
    let content: Uint8Array | undefined;
    reader.object('an element', (key) => {
      const text = reader.text(`"${key}"`);
      if (key !== 'b64') this.#refuse(`{${JSON.stringify(key)}: …}`, 'is not a value; the only object is {"b64": "<base64>"}');
      content = decodeBase64(text);
      if (content === undefined) this.#refuse('the text of "b64"', 'is not base64');
    });
    return content ?? this.#refuse('{}', 'is not a value; the only object is {"b64": "<base64>"}');
  }

  #outOfRange(reader: JsonReader, at: number): never {
    return this.#refuse(reader.quote(at, reader.pos), `does not fit in ${this.datatype}`);
  }

  /** Something that is no element at all: broken JSON keeps its position, sound JSON of a wrong type names the element. */
  #wrongElement(reader: JsonReader, expected: string): never {
    const at = reader.pos;
    const nested = reader.space() === OPEN_ARRAY;
    reader.skip();
    if (nested) return this.#refuse('an array', `stands beside single values: the data is ragged`);
    return this.#refuse(reader.quote(at, reader.pos), `is not ${expected}, as ${this.datatype} needs`);
  }

  #refuse(value: string, problem: string): never {
    throw new MeshError('invalid-argument', `${this.label}: element ${this.count} of its data: ${value} ${problem}`);
  }
}

function isMinusInfinity(reader: JsonReader, byte: number): boolean {
  return byte === MINUS && reader.bytes[reader.pos + 1] === LETTER_I_UPPER;
}

/** Decodes standard base64, padded or not, or URL-safe; `undefined` if it holds anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bare = text.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/_-]*$/.test(bare) || bare.length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64');
}
