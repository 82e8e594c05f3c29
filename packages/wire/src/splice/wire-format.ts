import { MeshError } from '@modelmesh/core';

/** How a protobuf field's value is laid out. Source: protobuf's public description of the encoding. */
export const WIRE_TYPE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** The most bytes of one varint. */
export const VARINT_BYTES_MAX = 10;
/** The largest tag: 29 bits of field number and 3 of wire type. */
export const TAG_MAX = 0xffff_ffff;
/** The largest length of a field: protobuf messages are smaller than 2 GiB. */
export const LENGTH_MAX = 0x7fff_ffff;

/** What can be wrong with the bytes of a message. */
export const MALFORMED = {
  varintTooLong: 'a number is longer than 10 bytes',
  badTag: 'this is not a field tag',
  group: 'groups are not supported',
  tooLong: 'a field is longer than 2 GiB',
  overrun: 'a field runs beyond the end of its message',
  wrongType: 'the field that holds the id, or leads to it, is of another type',
  notText: 'the id is not UTF-8',
} as const;

/** The refusal of a message whose field at `offset` is broken; the offset counts from the start of the message. */
export function malformed(offset: number, reason: string): MeshError {
  return new MeshError('invalid-argument', `malformed message at byte ${offset}: ${reason}`);
}

/** The bytes of a fixed-size value; 0 for the types that say their length themselves. @throws {MeshError} for a group or no type at all. */
export function fixedLength(tag: number, offset: number): number {
  switch (tag & 7) {
    case WIRE_TYPE.varint:
    case WIRE_TYPE.lengthDelimited:
      return 0;
    case WIRE_TYPE.fixed64:
      return 8;
    case WIRE_TYPE.fixed32:
      return 4;
    case 3:
    case 4:
      throw malformed(offset, MALFORMED.group);
    default:
      throw malformed(offset, MALFORMED.badTag);
  }
}

/** The field number of a tag. @throws {MeshError} if the tag is too large or its number 0. */
export function fieldNumber(tag: number, offset: number): number {
  if (tag > TAG_MAX || tag < 8) throw malformed(offset, MALFORMED.badTag);
  return Math.floor(tag / 8);
}

/** Appends `value` (a non-negative integer below 2^53) as a varint. */
export function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}
