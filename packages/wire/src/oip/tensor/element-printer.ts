import { Buffer } from 'node:buffer';
import { assertNever, MeshError } from '@modelmesh/core';
import { type JsonWriter, NUMBER_LETTERS_MAX, printAscii, printFloat64, printFloats32, printInteger } from '../json/index.ts';
import { type Datatype, traitsOf } from './datatype.ts';
import { endOfBytesElement, type Tensor } from './tensor.ts';

/** Numbers that are printed between two looks at the room left. */
const BATCH = 64;
const COMMA = 0x2c;
const TWO_POW_32 = 2 ** 32;

/** What to do with BYTES that are not UTF-8 and therefore no JSON string. */
export type NotUtf8 = 'refuse' | 'base64-object';

/**
 * Writes the elements of one tensor as JSON, in their order, as many at a time as the caller's form of nesting needs.
 * The tensor's data must have been checked against its shape.
 */
export class ElementPrinter {
  readonly #tensor: Tensor;
  readonly #view: DataView;
  readonly #notUtf8: NotUtf8;
  /** The next byte of the data. */
  #at = 0;
  #printed = 0;

  /** @throws {MeshError} `invalid-argument` for a datatype without a JSON form. */
  constructor(tensor: Tensor, notUtf8: NotUtf8) {
    this.#tensor = tensor;
    this.#view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    this.#notUtf8 = notUtf8;
    if (traitsOf(tensor.datatype).json === 'none') {
      const problem = `${tensor.datatype} has no JSON form; ask for it as binary_data through the V2 protocol`;
      throw new MeshError('invalid-argument', `output ${JSON.stringify(tensor.name)}: ${problem}`);
    }
  }

  /** Writes the next `count` elements with commas between them. */
  print(writer: JsonWriter, count: number): void {
    const form = traitsOf(this.#tensor.datatype).json;
    if (form === 'text') {
      this.#texts(writer, count);
      return;
    }
    const size = traitsOf(this.#tensor.datatype).byteSize as number;
    for (let left = count; left > 0; left -= BATCH) {
      const batch = Math.min(left, BATCH);
      writer.reserve(batch * (NUMBER_LETTERS_MAX + 1));
      this.#batch(writer, this.#at + batch * size);
      if (left > batch) writer.out[writer.pos++] = COMMA;
    }
  }

  /** Writes the tensor nested by `dimensions` from `axis` on; below the last axis stand single elements. */
  printNested(writer: JsonWriter, dimensions: readonly number[], axis: number): void {
    if (axis === dimensions.length) {
      this.print(writer, 1);
      return;
    }
    const length = dimensions[axis] as number;
    writer.raw('[');
    if (axis === dimensions.length - 1) this.print(writer, length);
    else {
      for (let i = 0; i < length; i++) {
        if (i > 0) writer.raw(',');
        this.printNested(writer, dimensions, axis + 1);
      }
    }
    writer.raw(']');
  }

  #batch(writer: JsonWriter, end: number): void {
    const datatype: Datatype = this.#tensor.datatype;
    const out = writer.out;
    const view = this.#view;
    let pos = writer.pos;
    let at = this.#at;
    switch (datatype) {
      case 'FP32':
        pos = printFloats32(writer, pos, view, at, end);
        at = end;
        break;
      case 'FP64':
        for (; at < end; at += 8, out[pos++] = COMMA) pos = printFloat64(out, pos, view.getFloat64(at, true));
        break;
      case 'INT64':
      case 'UINT64':
        for (; at < end; at += 8, out[pos++] = COMMA) pos = printInteger64(out, pos, view, at, datatype === 'INT64');
        break;
      case 'INT32':
        for (; at < end; at += 4, out[pos++] = COMMA) pos = printInteger(out, pos, view.getInt32(at, true));
        break;
      case 'UINT32':
        for (; at < end; at += 4, out[pos++] = COMMA) pos = printInteger(out, pos, view.getUint32(at, true));
        break;
      case 'INT16':
        for (; at < end; at += 2, out[pos++] = COMMA) pos = printInteger(out, pos, view.getInt16(at, true));
        break;
      case 'UINT16':
        for (; at < end; at += 2, out[pos++] = COMMA) pos = printInteger(out, pos, view.getUint16(at, true));
        break;
      case 'INT8':
        for (; at < end; at++, out[pos++] = COMMA) pos = printInteger(out, pos, view.getInt8(at));
        break;
      case 'UINT8':
        for (; at < end; at++, out[pos++] = COMMA) pos = printInteger(out, pos, view.getUint8(at));
        break;
      case 'BOOL':
        for (; at < end; at++, out[pos++] = COMMA) pos = printAscii(out, pos, view.getUint8(at) === 0 ? 'false' : 'true');
        break;
      case 'FP16':
      case 'BF16':
      case 'BYTES':
        break; // the constructor and `print` keep them away
      default:
        assertNever(datatype);
    }
    this.#at = at;
    writer.pos = pos - 1; // without the last comma
  }

  #texts(writer: JsonWriter, count: number): void {
    const { data } = this.#tensor;
    for (let i = 0; i < count; i++) {
      if (i > 0) writer.raw(',');
      const end = endOfBytesElement(data, this.#at);
      if (!writer.utf8String(data, this.#at + 4, end)) this.#notText(writer, data.subarray(this.#at + 4, end));
      this.#at = end;
      this.#printed++;
    }
  }

  #notText(writer: JsonWriter, content: Uint8Array): void {
    if (this.#notUtf8 === 'base64-object') {
      writer.raw('{"b64":"');
      writer.raw(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64'));
      writer.raw('"}');
      return;
    }
    const label = `output ${JSON.stringify(this.#tensor.name)}: element ${this.#printed}`;
    throw new MeshError('invalid-argument', `${label} is not UTF-8 and so no JSON string; ask for this output as binary_data`);
  }
}

function printInteger64(out: Uint8Array, pos: number, view: DataView, at: number, signed: boolean): number {
  const high = signed ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true);
  if (high < 0x200000 && high >= -0x200000) return printInteger(out, pos, high * TWO_POW_32 + view.getUint32(at, true));
  return printAscii(out, pos, String(signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true)));
}
