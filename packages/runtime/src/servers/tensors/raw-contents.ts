import { isUtf8 } from 'node:buffer';
import { MeshError } from '@modelmesh/core';
import type { ElementArray, ElementType } from './element-type.ts';
import type { Range, RequestInput } from './infer-request.ts';
import { utf8 } from './proto-slice.ts';
import { shapeText } from './signature.ts';

/** Elements of a fixed size, in place where the alignment allows and copied once where it does not. */
export function rawElements(
  bytes: Uint8Array<ArrayBuffer>,
  raw: Range,
  input: RequestInput,
  type: ElementType,
  elements: number,
): ElementArray {
  const length = raw.end - raw.start;
  if (length !== elements * type.byteSize) {
    throw invalid(
      input,
      `shape ${shapeText(input.shape)} of ${type.datatype} needs ${elements * type.byteSize} raw bytes, got ${length}`,
    );
  }
  const offset = bytes.byteOffset + raw.start;
  if (offset % type.byteSize === 0) return type.view(bytes.buffer, offset, elements);
  return type.view(bytes.buffer.slice(offset, offset + length), 0, elements);
}

/** BYTES elements: each a 4-byte little-endian length and its bytes. */
export function rawTexts(bytes: Uint8Array, raw: Range, input: RequestInput, elements: number): string[] {
  const texts: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = raw.start;
  while (at < raw.end) {
    if (raw.end - at < 4) throw invalid(input, `element ${texts.length} has no room for its 4-byte length`);
    const length = view.getUint32(at, true);
    at += 4;
    if (length > raw.end - at)
      throw invalid(input, `element ${texts.length} claims ${length} bytes where ${raw.end - at} are left`);
    texts.push(elementText(bytes, at, at + length, input, texts.length));
    at += length;
  }
  if (texts.length !== elements) throw wrongCount(input, elements, texts.length);
  return texts;
}

/** One BYTES element as ONNX Runtime's JavaScript API takes it: text, without NUL, at which it would end. */
export function elementText(bytes: Uint8Array, start: number, end: number, input: RequestInput, index: number): string {
  const element = bytes.subarray(start, end);
  if (!isUtf8(element)) throw invalid(input, `element ${index} is not valid UTF-8; string tensors of ONNX models are text`);
  if (element.includes(0))
    throw invalid(input, `element ${index} holds a NUL byte, which string tensors of ONNX Runtime cannot carry`);
  return utf8(bytes, start, end);
}

/** The error for data whose number of elements is not what the shape says. */
export function wrongCount(input: RequestInput, expected: number, got: number): MeshError {
  return invalid(input, `shape ${shapeText(input.shape)} holds ${expected} elements, got ${got}`);
}

/** An error about `input`. */
export function invalid(input: RequestInput, problem: string): MeshError {
  return new MeshError('invalid-argument', `input ${JSON.stringify(input.name)}: ${problem}`);
}
