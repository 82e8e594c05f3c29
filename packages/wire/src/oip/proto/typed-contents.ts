import { MeshError } from '@modelmesh/core';
import {
  appendBytesElement,
  CONTENTS_FIELDS,
  type ContentsField,
  type Datatype,
  type DatatypeTraits,
  GrowingBytes,
  traitsOf,
} from '../tensor/index.ts';
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT, type WireReader } from './wire-reader.ts';

const FIELD_NAMES = new Map<number, ContentsField>(
  Object.entries(CONTENTS_FIELDS).map(([name, number]) => [number, name as ContentsField]),
);

/** `InferTensorContents` of one tensor: where it stands in the message, since the datatype may come after it. */
export interface ContentsSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Turns typed contents into raw data.
 *
 * @throws {MeshError} of the reader's kind: malformed, a field that does not belong to the datatype (spec `kserve.md` §6.5, 15), or a small integer
 * out of its range (13).
 */
export function rawFromContents(reader: WireReader, span: ContentsSpan, datatype: Datatype, label: string): Uint8Array {
  const traits = traitsOf(datatype);
  const outer = { pos: reader.pos, end: reader.end };
  reader.pos = span.start;
  reader.end = span.end;
  const single = aliasOf(reader, traits);
  const data = single ?? gather(reader, datatype, traits, label);
  reader.pos = outer.pos;
  reader.end = outer.end;
  return data;
}

/** Packed floats are raw data already: where one packed field is all there is, its bytes are the answer. */
function aliasOf(reader: WireReader, traits: DatatypeTraits): Uint8Array | undefined {
  if (traits.json !== 'float' || traits.contents === null) return undefined;
  const start = reader.pos;
  const field = reader.field();
  if (field === CONTENTS_FIELDS[traits.contents] && reader.wireType === LENGTH_DELIMITED) {
    const content = reader.slice();
    if (reader.pos === reader.end && content.length % (traits.byteSize ?? 1) === 0) return content;
  }
  reader.pos = start;
  return undefined;
}

function gather(reader: WireReader, datatype: Datatype, traits: DatatypeTraits, label: string): Uint8Array {
  const into = new GrowingBytes(reader.end - reader.pos);
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    const name = FIELD_NAMES.get(field);
    if (name === undefined) reader.skip();
    else if (name !== traits.contents) {
      const expected = traits.contents ?? 'raw contents';
      throw new MeshError(reader.kind, `${label}: ${name} carries no ${datatype}; expected ${expected}`);
    } else if (name === 'bytes_contents') appendBytesElement(into, reader.slice());
    else appendNumbers(reader, into, traits, datatype, label);
  }
  return into.written();
}

/** Numbers come packed or one by one; protobuf requires readers to take both. */
function appendNumbers(reader: WireReader, into: GrowingBytes, traits: DatatypeTraits, datatype: Datatype, label: string): void {
  if (reader.wireType !== LENGTH_DELIMITED) {
    appendNumber(reader, into, traits, datatype, label);
    return;
  }
  const outer = reader.end;
  reader.end = reader.lengthEnd();
  reader.wireType = traits.json !== 'float' ? VARINT : traits.byteSize === 4 ? FIXED32 : FIXED64;
  while (reader.pos < reader.end) appendNumber(reader, into, traits, datatype, label);
  reader.end = outer;
}

function appendNumber(reader: WireReader, into: GrowingBytes, traits: DatatypeTraits, datatype: Datatype, label: string): void {
  const size = traits.byteSize as number;
  const at = into.reserve(Math.max(size, 4)); // integers are written 32 bits wide, what is beyond their size is overwritten
  if (traits.json === 'float') {
    reader.expect(size === 4 ? FIXED32 : FIXED64);
    const start = reader.pos;
    reader.skip();
    for (let i = 0; i < size; i++) into.bytes[at + i] = reader.bytes[start + i] as number;
  } else {
    reader.expect(VARINT);
    if (traits.json === 'integer64') into.view.setBigInt64(at, reader.int64(), true);
    else if (traits.json === 'boolean') into.bytes[at] = reader.int64() === 0n ? 0 : 1;
    else into.view.setUint32(at, smallInteger(reader, traits, datatype, label), true);
  }
  into.used = at + size;
}

/** Integers of up to 32 bits travel in 32-bit fields; the bits above are cut off as protobuf does, then the datatype's range counts. */
function smallInteger(reader: WireReader, traits: DatatypeTraits, datatype: Datatype, label: string): number {
  const bits = reader.dimension();
  const value = traits.contents === 'int_contents' ? bits | 0 : bits >>> 0;
  if (value < Number(traits.min) || value > Number(traits.max)) {
    throw new MeshError(reader.kind, `${label}: ${value} does not fit in ${datatype}`);
  }
  return value;
}
