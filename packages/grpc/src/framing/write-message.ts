import { FRAME_PREFIX_BYTES } from './frame-scanner.ts';

/** Messages up to this size are copied behind their prefix, so that they leave as one DATA frame; larger ones are not copied. */
const JOIN_BYTES_MAX = 16_384 - FRAME_PREFIX_BYTES;

function writePrefix(into: Uint8Array, byteLength: number, compressed: boolean): void {
  into[0] = compressed ? 1 : 0;
  into[1] = byteLength >>> 24;
  into[2] = byteLength >>> 16;
  into[3] = byteLength >>> 8;
  into[4] = byteLength;
}

/** The prefix of a message of `byteLength` bytes. */
export function framePrefix(byteLength: number, compressed: boolean): Uint8Array {
  const prefix = new Uint8Array(FRAME_PREFIX_BYTES);
  writePrefix(prefix, byteLength, compressed);
  return prefix;
}

/** A message, given in slices, with its prefix: ready to be sent in order. Small messages become one new array, large slices are kept. */
export function frameMessage(slices: readonly Uint8Array[], compressed = false): Uint8Array[] {
  let byteLength = 0;
  for (const slice of slices) byteLength += slice.byteLength;
  if (byteLength > JOIN_BYTES_MAX) return [framePrefix(byteLength, compressed), ...slices];
  const framed = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + byteLength);
  writePrefix(framed, byteLength, compressed);
  let at = FRAME_PREFIX_BYTES;
  for (const slice of slices) {
    framed.set(slice, at);
    at += slice.byteLength;
  }
  return [framed];
}
