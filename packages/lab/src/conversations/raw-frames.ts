import { CLIENT_PREFACE, FRAME_HEADER_BYTES } from '@modelmesh/h2/frames';

/** A frame as it lies in octets, whatever it means. */
export interface LooseFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
  /** The length that its header claims, where that is not the payload's. */
  readonly claimedBytes?: number;
}

const PREFACE = new Uint8Array(Buffer.from(CLIENT_PREFACE, 'latin1'));

/** What one side said, cut into frames. */
export interface Said {
  /** The preface of a client; nothing for a server. */
  readonly preface: Uint8Array;
  readonly frames: readonly LooseFrame[];
}

/** Cuts what a side said; what is left behind the last whole frame is dropped. */
export function cut(octets: Uint8Array, side: 'client' | 'server'): Said {
  const preface = side === 'client' ? octets.subarray(0, PREFACE.length) : new Uint8Array(0);
  const frames: LooseFrame[] = [];
  const view = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  for (let at = preface.length; at + FRAME_HEADER_BYTES <= octets.length; ) {
    const length = view.readUIntBE(at, 3);
    const from = at + FRAME_HEADER_BYTES;
    if (from + length > octets.length) break;
    const streamId = view.readUInt32BE(at + 5) & 0x7fff_ffff;
    frames.push({ type: octets[at + 3] ?? 0, flags: octets[at + 4] ?? 0, streamId, payload: octets.slice(from, from + length) });
    at = from + length;
  }
  return { preface, frames };
}

/** The frames as octets again. */
export function join({ preface, frames }: Said): Uint8Array {
  const pieces: Uint8Array[] = [preface];
  for (const { type, flags, streamId, payload, claimedBytes } of frames) {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUIntBE((claimedBytes ?? payload.length) & 0xff_ffff, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId >>> 0, 5);
    pieces.push(header, payload);
  }
  return new Uint8Array(Buffer.concat(pieces));
}
