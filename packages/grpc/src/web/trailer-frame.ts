import { FRAME_PREFIX_BYTES } from '../framing/index.ts';
import type { HeaderBlock } from '../stream/index.ts';

/** The flag of a frame that holds trailers, the last of a body. Source: gRPC-Web, *Protocol differences vs gRPC over HTTP2*. */
const TRAILERS = 0x80;

/** A trailing block as the last frame of a body: lines as in HTTP/1.1, without pseudo-header fields and what could not stand in a line. */
export function trailerFrame(block: HeaderBlock): Uint8Array {
  const fields = block.raw();
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!name.startsWith(':')) lines += `${name}: ${(fields[at + 1] ?? '').replace(/[\r\n]+/g, ' ')}\r\n`;
  }
  const frame = Buffer.allocUnsafeSlow(FRAME_PREFIX_BYTES + lines.length);
  frame[0] = TRAILERS;
  frame.writeUInt32BE(lines.length, 1);
  frame.write(lines, FRAME_PREFIX_BYTES, 'latin1');
  return frame;
}
