import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HUFFMAN_EOS, HUFFMAN_PADDING, huffmanBytes, huffmanText, measureHuffman, putHuffman } from './huffman.ts';
import { CODE_BITS, CODES, EOS } from './huffman-code.ts';

const bitsOf = (symbol: number): string => (CODES[symbol] ?? 0).toString(2).padStart(CODE_BITS[symbol] ?? 0, '0');
const SYMBOLS = new Map(Array.from(CODE_BITS, (_, symbol) => [bitsOf(symbol), symbol]));

/** Measured, with a check that the octets were copied. */
function measure(bytes: Uint8Array): number {
  const copy = new Uint8Array(bytes.length + 2);
  const found = measureHuffman(bytes, 0, bytes.length, copy, 1);
  assert.deepEqual([...copy], [0, ...bytes, 0]);
  return found;
}

const text = fc.string({ unit: fc.nat({ max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 60 });

function coded(value: string): Buffer {
  const bytes = Buffer.alloc(huffmanBytes(value), 0xdb);
  putHuffman(value, bytes, 0);
  return bytes;
}

/** The same in the slowest way: bits as text, one after the other. */
function slowly(bytes: Uint8Array): string | number {
  let decoded = '';
  let open = '';
  for (const bit of [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    open += bit;
    const symbol = SYMBOLS.get(open);
    if (symbol === undefined) continue;
    if (symbol === EOS) return HUFFMAN_EOS;
    decoded += String.fromCharCode(symbol);
    open = '';
  }
  return /^1{0,7}$/.test(open) ? decoded : HUFFMAN_PADDING;
}

const measured = (value: string): number => value.length * 2 + (/^[ \t]|[ \t]$|[\0\r\n]/.test(value) ? 1 : 0);

describe('the Huffman code', () => {
  it('is complete, and its codes stand where RFC 7541 Appendix B has them', () => {
    assert.equal(
      CODE_BITS.reduce((sum, bits) => sum + 2 ** -bits, 0),
      1,
    );
    const known: readonly [number, number, number][] = [
      [0, 0x1ff8, 13],
      [10, 0x3ffffffc, 30],
      [32, 0x14, 6],
      [48, 0x0, 5],
      [97, 0x3, 5],
      [122, 0x7b, 7],
      [127, 0xffffffc, 28],
      [128, 0xfffe6, 20],
      [255, 0x3ffffee, 26],
      [EOS, 0x3fffffff, 30],
    ];
    assert.deepEqual(
      known.map(([symbol]) => [symbol, CODES[symbol], CODE_BITS[symbol]]),
      known,
    );
  });

  it('gives every string back', () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = coded(value);
        assert.equal(measure(bytes), measured(value));
        assert.equal(huffmanText(bytes, 0, bytes.length), value);
      }),
    );
  });

  it('gives long strings back, beyond the buffer that is used again', () => {
    const value = 'a value of many octets; '.repeat(1000);
    assert.equal(huffmanText(coded(value), 0, huffmanBytes(value)), value);
  });

  it('is read as the slowest reader reads it, right or wrong', () => {
    const ones = fc.constant(0xff);
    const byte = fc.oneof(
      fc.nat({ max: 0xff }),
      ones,
      fc.nat({ max: 7 }).map((count) => 0xff >>> count),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 8 }), (list) => {
        const bytes = Buffer.from(list);
        const slow = slowly(bytes);
        assert.equal(measure(bytes), typeof slow === 'number' ? slow : measured(slow));
      }),
      { numRuns: 2000 },
    );
  });
});
