import { huffmanBytes, huffmanText, putHuffman } from './huffman.ts';
import { integerBytes, putInteger } from './octets.ts';

/** The bit that says that a string is in Huffman code (RFC 7541 §5.2). */
export const HUFFMAN_BIT = 0x80;
export const LENGTH_MAX_IN_PREFIX = 0x7f;

/**
 * A string as it stands in a header block: its length, marked where it is Huffman code, and its octets.
 *
 * @throws {RangeError} where a character is above U+00FF: strings of HTTP are octets
 */
export function stringLiteral(text: string): Buffer {
  for (let at = 0; at < text.length; at += 1)
    if (text.charCodeAt(at) > 0xff) throw new RangeError('a header field holds a character above U+00FF');
  const coded = huffmanBytes(text);
  const isHuffman = coded < text.length;
  const length = isHuffman ? coded : text.length;
  const prefix = integerBytes(LENGTH_MAX_IN_PREFIX, length);
  const literal = Buffer.allocUnsafeSlow(prefix + length);
  putInteger(literal, 0, isHuffman ? HUFFMAN_BIT : 0, LENGTH_MAX_IN_PREFIX, length);
  if (isHuffman) putHuffman(text, literal, prefix);
  else literal.write(text, prefix, 'latin1');
  return literal;
}

/** The text of a literal that stands from `start` to before `end` of `bytes` and was found right. */
export function literalText(bytes: Buffer, start: number, end: number): string {
  const first = bytes[start] as number;
  let at = start + 1;
  if ((first & LENGTH_MAX_IN_PREFIX) === LENGTH_MAX_IN_PREFIX) {
    while ((bytes[at] as number) >= 0x80) at += 1;
    at += 1;
  }
  return (first & HUFFMAN_BIT) === 0 ? bytes.toString('latin1', at, end) : huffmanText(bytes, at, end);
}
