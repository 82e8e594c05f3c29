import { MeshError } from '@modelmesh/core';

const MODEL_NAME_TAG = (1 << 3) | 2;
const MODEL_NAME_BYTES_MAX = 1024;

/**
 * The `model_name` of a ModelInferRequest, if it is the first field, as every protobuf library writes it; else undefined. Reads at most a few
 * bytes, so it can be done for every request on the thread that serves sockets.
 */
export function leadingModelName(chunks: readonly Uint8Array[]): string | undefined {
  const first = chunks[0];
  if (first === undefined || first[0] !== MODEL_NAME_TAG) return undefined;
  const low = first[1];
  if (low === undefined) return undefined;
  const isLong = low >= 0x80;
  const length = isLong ? (low & 0x7f) | ((first[2] ?? 0) << 7) : low;
  const start = isLong ? 3 : 2;
  if (length > MODEL_NAME_BYTES_MAX || start + length > first.length) return undefined;
  return Buffer.from(first.buffer, first.byteOffset + start, length).toString('utf8');
}

/** The last `model_name` anywhere in the message, as protobuf reads it; slow, for messages written in an unusual order. */
export function findModelName(message: Uint8Array): string {
  let name = '';
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    at = tag.next;
    const wireType = tag.value & 7;
    if (wireType === 0) at = varint(message, at).next;
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint(message, at);
      const end = length.next + length.value;
      if (end > message.length) throw malformed(at);
      if (tag.value === MODEL_NAME_TAG)
        name = Buffer.from(message.buffer, message.byteOffset + length.next, length.value).toString('utf8');
      at = end;
    } else throw malformed(at);
  }
  return name;
}

function varint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let at = start; at < start + 10; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw malformed(at);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at + 1 };
    factor *= 128;
  }
  throw malformed(start);
}

function malformed(at: number): MeshError {
  return new MeshError('invalid-argument', `malformed ModelInferRequest: at byte ${at}, a field is cut short`);
}
