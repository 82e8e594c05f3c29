import { FRAME_HEADER_BYTES } from './codes.ts';

/**
 * The slice of DATA that was delivered last, where the header of its frame lies right before it in what was read. Whoever sends that very slice
 * on may write the header of its own frame there: nobody else has those octets, and the connection that read them is through with them. So what is
 * passed on at once leaves as it lies, and neighbouring frames as one piece.
 */
let delivered: Uint8Array | undefined;

/** `slice` is about to be delivered; `undefined`: one without a header before it is. */
export function deliverWithHeadroom(slice: Uint8Array | undefined): void {
  delivered = slice;
}

/**
 * Where the nine octets before `slice` may be written, as an offset of its buffer; −1: they may not. Whoever asks has them from then on: the same slice
 * sent a second time gets none.
 */
export function takeHeadroom(slice: Uint8Array): number {
  if (slice !== delivered) return -1;
  delivered = undefined;
  return slice.byteOffset - FRAME_HEADER_BYTES;
}
