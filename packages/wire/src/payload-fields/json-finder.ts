import { BoundedFinder } from './finder.ts';
import type { JsonNode, JsonPlan } from './json-plan.ts';
import { jsonScalar, textOf, typedValue, unescapedText } from './payload-value.ts';
import { Pieces } from './pieces.ts';

/** A container that leads to fields. */
interface Frame {
  readonly node: JsonNode;
  readonly isArray: boolean;
  /** Place of the present element. */
  index: number;
}

/**
 * What comes next. `text` and `token` are read: a key or the value of a field; `skip-…` is stepped over, where brackets and quotes are all that
 * matters: whoever reads the body checks its syntax.
 */
type Phase =
  | 'value'
  | 'value-or-end'
  | 'key'
  | 'key-or-end'
  | 'colon'
  | 'after'
  | 'text'
  | 'token'
  | 'skip-text'
  | 'skip-token'
  | 'skip-container';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** 1 for the bytes that matter in a value that is stepped over. */
const STRUCTURE = new Uint8Array(256);
for (const byte of [QUOTE, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY]) STRUCTURE[byte] = 1;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
/** Bytes of the mark that some editors put before UTF-8 (RFC 8259 §8.1). */
const isMark = (byte: number): boolean => byte === 0xef || byte === 0xbb || byte === 0xbf;
const endsToken = (byte: number): boolean =>
  byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte === COLON || isSpace(byte);

/** Finds fields in a JSON body by their paths, by scanning its bytes: only keys on the way and the values of fields are read. */
export class JsonFinder extends BoundedFinder {
  readonly #frames: Frame[] = [];
  #phase: Phase = 'value';
  /** What the next value is; `undefined`: nothing that is looked for. */
  #target: JsonNode | undefined;
  /** Whether the text that is read is a key. */
  #readsKey = false;
  #escaped = false;
  #hasEscapes = false;
  #inText = false;
  #depth = 0;
  readonly #pieces = new Pieces();

  constructor({ root, fields }: JsonPlan, bytesMax: number) {
    super(fields, bytesMax);
    this.#target = root;
  }

  protected override scan(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.decided) {
      switch (this.#phase) {
        case 'text':
        case 'skip-text':
          at = this.#text(bytes, at);
          break;
        case 'token':
        case 'skip-token':
          at = this.#token(bytes, at);
          break;
        case 'skip-container':
          at = this.#skipContainer(bytes, at);
          break;
        default: {
          const byte = bytes[at] ?? 0;
          if (isSpace(byte) || (this.#frames.length === 0 && isMark(byte))) at++;
          else at = this.#structure(byte, at);
        }
      }
    }
  }

  /** One byte between values; returns where to go on. */
  #structure(byte: number, at: number): number {
    switch (this.#phase) {
      case 'value-or-end':
        if (byte !== CLOSE_ARRAY) return this.#value(byte, at);
        this.#leave();
        return at + 1;
      case 'value':
        return this.#value(byte, at);
      case 'key-or-end':
        if (byte === CLOSE_OBJECT) this.#leave();
        else this.#key(byte);
        return at + 1;
      case 'key':
        this.#key(byte);
        return at + 1;
      case 'colon':
        if (byte === COLON) this.#phase = 'value';
        else this.decide();
        return at + 1;
      default:
        this.#after(byte);
        return at + 1;
    }
  }

  #key(byte: number): void {
    if (byte !== QUOTE) {
      this.decide();
      return;
    }
    this.#readsKey = true;
    this.#hasEscapes = false;
    this.#phase = 'text';
  }

  #value(byte: number, at: number): number {
    const target = this.#target;
    const wanted = target?.fields.some((field) => this.isOpen(field));
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      this.#enter(byte === OPEN_ARRAY);
      return at + 1;
    }
    if (byte === QUOTE) {
      this.#readsKey = false;
      this.#hasEscapes = false;
      this.#phase = wanted ? 'text' : 'skip-text';
      return at + 1;
    }
    if (endsToken(byte)) this.decide();
    else this.#phase = wanted ? 'token' : 'skip-token';
    return at;
  }

  #enter(isArray: boolean): void {
    const target = this.#target;
    // A field is a scalar: what stands here instead is of another type.
    for (const field of target?.fields ?? []) this.settle(field, undefined);
    if (target === undefined || (isArray ? target.elements : target.members).size === 0) {
      this.#depth = 1;
      this.#phase = 'skip-container';
      return;
    }
    this.#frames.push({ node: target, isArray, index: 0 });
    this.#target = isArray ? target.elements.get(0) : undefined;
    this.#phase = isArray ? 'value-or-end' : 'key-or-end';
  }

  #leave(): void {
    this.#frames.pop();
    this.#phase = 'after';
    if (this.#frames.length === 0) this.decide();
  }

  #after(byte: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.decide();
    else if (byte === COMMA && frame.isArray) {
      this.#target = frame.node.elements.get(++frame.index);
      this.#phase = 'value';
    } else if (byte === COMMA) this.#phase = 'key';
    else if (byte === (frame.isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) this.#leave();
    else this.decide();
  }

  /** Reads or skips a text up to its closing quote; what is read is kept without its quotes. */
  #text(bytes: Uint8Array, start: number): number {
    const close = this.#closingQuote(bytes, start);
    if (close < bytes.length && !this.decided) {
      const skipped = this.#phase === 'skip-text';
      this.#phase = 'after';
      if (!skipped) this.#onText(this.#pieces.whole(bytes.subarray(start, close)));
      return close + 1;
    }
    if (this.#phase === 'text') this.#pieces.add(bytes.subarray(start));
    return bytes.length;
  }

  /** Place of the quote that closes the text, or the end of the bytes. */
  #closingQuote(bytes: Uint8Array, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#escaped) this.#escaped = false;
      else if (byte === QUOTE) return at;
      else if (byte === BACKSLASH) {
        this.#escaped = true;
        this.#hasEscapes = true;
      } else if (byte < 0x20) this.decide();
    }
    return bytes.length;
  }

  #onText(content: Uint8Array): void {
    const text = this.#hasEscapes ? unescapedText(content) : textOf(content);
    if (this.#readsKey) {
      this.#target = text === undefined ? undefined : this.#frames.at(-1)?.node.members.get(text);
      this.#phase = 'colon';
      return;
    }
    for (const field of this.#target?.fields ?? [])
      this.settle(field, text === undefined ? undefined : typedValue(text, field.type));
  }

  #token(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length && !endsToken(bytes[at] ?? 0)) at++;
    const part = bytes.subarray(start, at);
    if (at === bytes.length) {
      if (this.#phase === 'token') this.#pieces.add(part);
      return at;
    }
    const skipped = this.#phase === 'skip-token';
    this.#phase = 'after';
    if (!skipped) {
      const token = this.#pieces.whole(part);
      for (const field of this.#target?.fields ?? []) this.settle(field, jsonScalar(token, field.type));
    }
    return at;
  }

  #skipContainer(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length) {
      if (this.#inText) {
        const close = this.#closingQuote(bytes, at);
        if (close === bytes.length || this.decided) return bytes.length;
        this.#inText = false;
        at = close + 1;
        continue;
      }
      // Nearly all bytes of a large body are numbers and commas.
      while (at < bytes.length && STRUCTURE[bytes[at] ?? 0] === 0) at++;
      if (at === bytes.length) return at;
      const byte = bytes[at++];
      if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
      else if (--this.#depth === 0) {
        this.#phase = 'after';
        if (this.#frames.length === 0) this.decide();
        return at;
      }
    }
    return at;
  }
}
