import { CONTENTS_FIELD_NAMES, type ElementArray, type ElementType } from './element-type.ts';
import type { RequestInput } from './infer-request.ts';
import { ProtoSlice } from './proto-slice.ts';
import { elementText, invalid, wrongCount } from './raw-contents.ts';

const FIXED_SIZE: Readonly<Record<number, number>> = { 6: 4, 7: 8 };
const INT_FIELD = 2;
const BYTES_FIELD = 8;

/** Reads the elements of InferTensorContents into an array of the input's type, checking the field and the range of every integer. */
export function typedElements(bytes: Uint8Array, input: RequestInput, type: ElementType, elements: number): ElementArray {
  // Every element takes at least one byte of the message: a shape that claims more is refused before memory is taken for it.
  const available = input.contents.reduce((sum, range) => sum + range.end - range.start, 0);
  if (elements > available) throw wrongCount(input, elements, countTyped(bytes, input, type));
  const target = new Target(type, elements);
  const isFixed = FIXED_SIZE[type.contentsField] !== undefined;
  let count = 0;
  forEachField(bytes, input, type, (slice, end) => {
    if (isFixed) count += target.copy(slice, end, count);
    else for (; slice.position < end; count++) readInteger(slice, target, count, input);
  });
  if (count !== elements) throw wrongCount(input, elements, count);
  return target.array;
}

/** Reads `bytes_contents` as text. */
export function typedTexts(bytes: Uint8Array, input: RequestInput, elements: number): string[] {
  const texts: string[] = [];
  for (const { start, end } of input.contents) {
    const slice = new ProtoSlice(bytes, start, end);
    for (let tag = slice.tag(); tag !== 0; tag = slice.tag()) {
      if (tag >>> 3 !== BYTES_FIELD) {
        if (isContentsField(tag)) throw wrongField(input, 'BYTES', BYTES_FIELD, tag >>> 3);
        slice.skip(tag & 7);
        continue;
      }
      const elementEnd = slice.lengthEnd();
      texts.push(elementText(bytes, slice.position, elementEnd, input, texts.length));
      slice.position = elementEnd;
    }
  }
  if (texts.length !== elements) throw wrongCount(input, elements, texts.length);
  return texts;
}

/** Calls `read` with each packed or single occurrence of the field that belongs to `type`; every other contents field is refused. */
function forEachField(
  bytes: Uint8Array,
  input: RequestInput,
  type: ElementType,
  read: (slice: ProtoSlice, end: number) => void,
): void {
  const field = type.contentsField;
  for (const { start, end } of input.contents) {
    const slice = new ProtoSlice(bytes, start, end);
    for (let tag = slice.tag(); tag !== 0; tag = slice.tag()) {
      if (tag >>> 3 !== field) {
        if (isContentsField(tag)) throw wrongField(input, type.datatype, field, tag >>> 3);
        slice.skip(tag & 7);
        continue;
      }
      const isPacked = (tag & 7) === 2;
      const fieldEnd = isPacked ? slice.lengthEnd() : singleEnd(slice, tag & 7);
      const outerEnd = slice.end;
      slice.end = fieldEnd;
      read(slice, fieldEnd);
      slice.end = outerEnd;
    }
  }
}

/** Where a single, unpacked value ends. */
function singleEnd(slice: ProtoSlice, wireType: number): number {
  const start = slice.position;
  slice.skip(wireType);
  const end = slice.position;
  slice.position = start;
  return end;
}

function countTyped(bytes: Uint8Array, input: RequestInput, type: ElementType): number {
  let count = 0;
  forEachField(bytes, input, type, (slice, end) => {
    for (; slice.position < end; count++) slice.skip(wireTypeOf(type));
  });
  return count;
}

function wireTypeOf(type: ElementType): number {
  if (type.contentsField === 6) return 5;
  return type.contentsField === 7 ? 1 : 0;
}

/** The array that elements are read into; what comes beyond its end is counted by the caller and dropped here. */
class Target {
  readonly type: ElementType;
  readonly array: ElementArray;
  readonly elements: number;
  /** 64-bit integers as halves, so that none becomes a bigint on the way. */
  readonly words: Uint32Array | undefined;
  readonly #bytes: Uint8Array;

  constructor(type: ElementType, elements: number) {
    const buffer = new ArrayBuffer(elements * type.byteSize);
    this.type = type;
    this.elements = elements;
    this.array = type.view(buffer, 0, elements);
    this.words =
      this.array instanceof BigInt64Array || this.array instanceof BigUint64Array ? new Uint32Array(buffer) : undefined;
    this.#bytes = new Uint8Array(buffer);
  }

  /** Copies little-endian elements as they stand on the wire. @returns how many there were. */
  copy(slice: ProtoSlice, end: number, index: number): number {
    const size = this.type.byteSize;
    const length = end - slice.position;
    if (length % size !== 0) throw slice.malformed('packed numbers are cut short');
    const fitting = Math.min(length, Math.max(0, (this.elements - index) * size));
    this.#bytes.set(slice.bytes.subarray(slice.position, slice.position + fitting), index * size);
    slice.position = end;
    return length / size;
  }
}

/** Reads one varint into element `index`. @throws {MeshError} if it is out of the type's range. */
function readInteger(slice: ProtoSlice, target: Target, index: number, input: RequestInput): void {
  slice.varint64();
  if (index >= target.elements) return;
  const { low, high } = slice;
  const { type, words, array } = target;
  if (words !== undefined) {
    words[index * 2] = low;
    words[index * 2 + 1] = high;
    return;
  }
  const isSigned = type.contentsField === INT_FIELD;
  const value = type.datatype === 'BOOL' ? Number(low !== 0 || high !== 0) : numberOf(low, high, isSigned);
  array[index] = value;
  if (array[index] !== value) throw invalid(input, `element ${index} is ${value}, out of range for ${type.datatype}`);
}

function numberOf(low: number, high: number, isSigned: boolean): number {
  return (isSigned ? high | 0 : high) * 2 ** 32 + low;
}

function isContentsField(tag: number): boolean {
  return tag >>> 3 < CONTENTS_FIELD_NAMES.length;
}

function wrongField(input: RequestInput, datatype: string, expected: number, got: number): Error {
  const gotName = CONTENTS_FIELD_NAMES[got] ?? 'another field';
  if (expected === 0) return invalid(input, `${datatype} can only be sent in raw_input_contents, got ${gotName}`);
  return invalid(input, `${datatype} data belongs in ${CONTENTS_FIELD_NAMES[expected]}, got ${gotName}`);
}
