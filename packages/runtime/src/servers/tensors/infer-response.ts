import type { ElementArray } from './element-type.ts';
import type { TensorSpec } from './signature.ts';

/** One output of a run. */
export interface OutputTensor {
  readonly spec: TensorSpec;
  readonly dims: readonly number[];
  readonly data: ElementArray | readonly string[];
}

/** A ModelInferResponse that knows its size before it is written, so that it can go straight to where it is sent from. */
export interface PlannedResponse {
  readonly byteCount: number;
  /** Writes exactly {@link byteCount} bytes at `offset`. @returns the offset behind them. */
  write(target: Buffer, offset: number): number;
}

/**
 * Plans the answer with raw contents; spec `kserve.md` §4.4: model_name 1, id 3, outputs 5 (name 1, datatype 2, shape 3), raw_output_contents 6.
 */
export function planInferResponse(modelName: string, id: string, outputs: readonly OutputTensor[]): PlannedResponse {
  const head = new HeadWriter();
  head.text(1, modelName);
  head.text(3, id);
  for (const output of outputs) {
    const one = new HeadWriter();
    one.text(1, output.spec.name);
    one.text(2, output.spec.type.datatype);
    const shape = new HeadWriter();
    for (const dim of output.dims) shape.varint(dim);
    if (shape.bytes.length > 0) one.embedded(3, shape.bytes);
    head.embedded(5, one.bytes);
  }
  const sizes = outputs.map((output) => rawBytesOf(output.data));
  let byteCount = head.bytes.length;
  for (const size of sizes) byteCount += 1 + varintBytes(size) + size;
  return {
    byteCount,
    write: (target, offset) => {
      let at = copyNumbers(head.bytes, target, offset);
      outputs.forEach((output, index) => {
        target[at++] = (6 << 3) | 2;
        at = writeVarint(target, at, sizes[index] as number);
        at = writeRaw(target, at, output.data);
      });
      return at;
    },
  };
}

/** Collects the small part of a message: names and shapes. */
class HeadWriter {
  readonly bytes: number[] = [];

  text(field: number, text: string): void {
    if (text === '') return;
    this.bytes.push((field << 3) | 2);
    let isAscii = true;
    for (let i = 0; i < text.length && isAscii; i++) isAscii = text.charCodeAt(i) < 0x80;
    if (isAscii) {
      this.varint(text.length);
      for (let i = 0; i < text.length; i++) this.bytes.push(text.charCodeAt(i));
      return;
    }
    const encoded = Buffer.from(text, 'utf8');
    this.varint(encoded.length);
    for (const byte of encoded) this.bytes.push(byte);
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.bytes.push(rest);
  }

  embedded(field: number, content: readonly number[]): void {
    this.bytes.push((field << 3) | 2);
    this.varint(content.length);
    for (const byte of content) this.bytes.push(byte);
  }
}

function copyNumbers(from: readonly number[], target: Buffer, offset: number): number {
  for (let i = 0; i < from.length; i++) target[offset + i] = from[i] as number;
  return offset + from.length;
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

function writeVarint(target: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

function isTexts(data: OutputTensor['data']): data is readonly string[] {
  return Array.isArray(data);
}

function rawBytesOf(data: OutputTensor['data']): number {
  if (!isTexts(data)) return data.byteLength;
  return data.reduce((sum, text) => sum + 4 + Buffer.byteLength(text, 'utf8'), 0);
}

function writeRaw(target: Buffer, offset: number, data: OutputTensor['data']): number {
  if (!isTexts(data)) {
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    return offset + data.byteLength;
  }
  let at = offset;
  for (const text of data) {
    const length = target.write(text, at + 4, 'utf8');
    target.writeUInt32LE(length, at);
    at += 4 + length;
  }
  return at;
}
