import { FLAG, FRAME } from '@modelmesh/h2/frames';
import { HpackDecoder } from '@modelmesh/h2/hpack';
import { cut } from '../conversations/index.ts';

/** How a field was written in a header block (RFC 7541 §6). */
export type Representation = 'indexed' | 'into the table' | 'without the table' | 'never indexed';

/** One field of a header block, and how it was written. */
export interface Written {
  readonly name: string;
  readonly value: string;
  readonly how: Representation;
}

const LIST_BYTES_MAX = 1_048_576;

/** The fields of all header blocks that a side has said on a connection, in order. @throws for a block that is none */
export function writtenFields(octets: Uint8Array, side: 'client' | 'server'): readonly Written[] {
  const decoder = new HpackDecoder({ listBytesMax: LIST_BYTES_MAX });
  const written: Written[] = [];
  for (const { type, flags, payload } of cut(octets, side).frames) {
    if (type !== FRAME.headers) continue;
    if ((flags & FLAG.endHeaders) === 0 || (flags & FLAG.padded) !== 0)
      throw new Error('a header block in several frames, or padded');
    const block = payload.subarray((flags & FLAG.priority) === 0 ? 0 : 5);
    const decoded = decoder.decode(block, 0, block.length);
    if (decoded.kind !== 'list') throw new Error(`a header block is ${decoded.kind}`);
    const hows = representationsOf(block);
    if (hows.length !== decoded.fields.length)
      throw new Error(`${hows.length} representations of ${decoded.fields.length} fields`);
    for (const [at, { name, value }] of decoded.fields.entries()) {
      const how = hows[at];
      if (how !== undefined) written.push({ name, value, how });
    }
  }
  return written;
}

/** How each field of a block is written, in order; updates of the table's size are left out. */
function representationsOf(block: Uint8Array): readonly Representation[] {
  const found: Representation[] = [];
  let at = 0;
  /** Reads an integer behind a prefix of so many bits (RFC 7541 §5.1). */
  const integer = (bits: number): number => {
    const mask = 2 ** bits - 1;
    let value = (block[at] ?? 0) & mask;
    at += 1;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const octet = block[at] ?? 0;
      at += 1;
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) return value;
    }
  };
  const skipString = (): void => {
    const length = integer(7);
    at += length;
  };
  const literal = (bits: number, how: Representation): void => {
    if (integer(bits) === 0) skipString();
    skipString();
    found.push(how);
  };
  while (at < block.length) {
    const first = block[at] ?? 0;
    if (first >= 0x80) {
      integer(7);
      found.push('indexed');
    } else if (first >= 0x40) literal(6, 'into the table');
    else if (first >= 0x20) integer(5);
    else if (first >= 0x10) literal(4, 'never indexed');
    else literal(4, 'without the table');
  }
  return found;
}
