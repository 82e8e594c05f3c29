import { CODE_BITS, CODES, EOS } from './huffman-code.ts';

const COUNT_SHIFT = 8;
const COUNT_MASK = 3 << COUNT_SHIFT;
/** EOS is complete: an error wherever it is. */
const FAILS = 1 << 10;
/** One of the symbols must not be in a value (RFC 9113 §8.2.1): NUL, LF, CR. */
const FORBIDDEN = 1 << 11;
/** The last complete symbol is a space or a tab. */
const ENDS_BLANK = 1 << 12;
/** What is left over is at most seven bits, all ones: the string may end. */
const MAY_END = 1 << 13;
/** Not found yet. */
const UNKNOWN = 1 << 14;

const STATES = 256;
const ROOT = 0;
/** More than a value of most fields; what needs more gets a buffer that nobody keeps. */
const SCRATCH_BYTES = 4096;

const CHILDREN: Int32Array = tree();
/** The states in which a string may end. */
const ENDINGS: Uint8Array = endings();
/**
 * How strings are read, an octet at a time (RFC 7541 §5.2). A state is an inner node of the code's tree: the bits of a symbol that is not complete. For
 * each state and octet one number of 16 bits, so that the rows in use stay near the processor, says what the octet brings: the next state in bits 0–7,
 * how many symbols (at most two, as no code is shorter than five bits), and the marks above.
 *
 * The numbers are found when they are first needed: to find all of them would hold up the start of every program.
 */
const STEPS = new Uint16Array(STATES * 256).fill(UNKNOWN);
/** The symbols of each step: the first in the low octet, the second in the high one. */
const SYMBOLS = new Uint16Array(STATES * 256);
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Why a string is not Huffman code, or a length when it is none of these. */
export const HUFFMAN_EOS = -1;
export const HUFFMAN_PADDING = -2;

/** What {@link measureHuffman} adds to twice the length where the octets may not be a field's value. */
const IMPROPER = 1;

/**
 * Looks through a string and copies it as it is, in one go, to where it is kept: into `target`, which has room from `to` on.
 *
 * @returns twice the decoded length, one more where it is not a proper value (RFC 9113 §8.2.1); or {@link HUFFMAN_EOS}, {@link HUFFMAN_PADDING}
 */
export function measureHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array, to: number): number {
  let step = MAY_END | ROOT;
  let seen = 0;
  let last = 0;
  let length = 0;
  for (let at = start, into = to; at < end; at += 1, into += 1) {
    const octet = bytes[at] as number;
    target[into] = octet;
    step = STEPS[((step & 0xff) << 8) | octet] as number;
    seen |= step;
    if ((step & COUNT_MASK) !== 0) {
      length += (step & COUNT_MASK) >>> COUNT_SHIFT;
      last = step;
    }
  }
  if ((seen & UNKNOWN) !== 0) {
    learn(bytes, start, end);
    return measureHuffman(bytes, start, end, target, to);
  }
  if ((seen & FAILS) !== 0) return HUFFMAN_EOS;
  if ((step & MAY_END) === 0) return HUFFMAN_PADDING;
  const improper = (seen & FORBIDDEN) !== 0 || (last & ENDS_BLANK) !== 0 || startsBlank(bytes, start, end);
  return length * 2 + (improper ? IMPROPER : 0);
}

/** Whether the first symbol is a space (six bits) or a tab (24 bits). */
function startsBlank(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  const first = bytes[start] as number;
  if (first >>> 2 === CODES[0x20]) return true;
  return (
    first === 0xff &&
    start + 2 < end &&
    (0xff0000 | ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number)) === CODES[0x09]
  );
}

/** The string as text, an octet a character. Only for what {@link measureHuffman} found right. */
export function huffmanText(bytes: Uint8Array, start: number, end: number): string {
  const room = Math.ceil(((end - start) * 8) / 5);
  const target = room <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(room);
  let state = ROOT;
  let length = 0;
  let seen = 0;
  for (let at = start; at < end; at += 1) {
    const place = (state << 8) | (bytes[at] as number);
    const step = STEPS[place] as number;
    state = step & 0xff;
    seen |= step;
    const count = (step & COUNT_MASK) >>> COUNT_SHIFT;
    if (count === 0) continue;
    const symbols = SYMBOLS[place] as number;
    target[length] = symbols;
    if (count === 2) target[length + 1] = symbols >>> 8;
    length += count;
  }
  if ((seen & UNKNOWN) === 0) return target.toString('latin1', 0, length);
  learn(bytes, start, end);
  return huffmanText(bytes, start, end);
}

/** Octets that the Huffman code of `text` takes. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += CODE_BITS[text.charCodeAt(at)] as number;
  return (bits + 7) >>> 3;
}

/** Writes `text`, of characters up to U+00FF, from `at` on into `target`, which has room for {@link huffmanBytes}. */
export function putHuffman(text: string, target: Uint8Array, at: number): void {
  let to = at;
  let kept = 0;
  let keptBits = 0;
  for (let from = 0; from < text.length; from += 1) {
    const symbol = text.charCodeAt(from);
    let bits = CODE_BITS[symbol] as number;
    const code = CODES[symbol] as number;
    // At most seven bits are kept, and a code has at most 30: it goes in two parts so that nothing leaves 32 bits.
    if (bits > 24) {
      bits -= 8;
      kept = (kept << 8) | ((code >>> bits) & 0xff);
      target[to] = kept >>> keptBits;
      to += 1;
    }
    kept = (kept << bits) | (code & ((1 << bits) - 1));
    keptBits += bits;
    while (keptBits >= 8) {
      keptBits -= 8;
      target[to] = kept >>> keptBits;
      to += 1;
    }
  }
  if (keptBits > 0) target[to] = (kept << (8 - keptBits)) | (0xff >>> keptBits);
}

/** Children of each inner node: another inner node, or a symbol as its complement, which is negative. */
function tree(): Int32Array {
  const children = new Int32Array(STATES * 2);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    const code = CODES[symbol] as number;
    let node = ROOT;
    for (let bit = (CODE_BITS[symbol] as number) - 1; bit > 0; bit -= 1) {
      const edge = node * 2 + ((code >>> bit) & 1);
      if (children[edge] === 0) {
        children[edge] = nodes;
        nodes += 1;
      }
      node = children[edge] as number;
    }
    children[node * 2 + (code & 1)] = ~symbol;
  }
  return children;
}

/** A one for the root and for what up to seven ones below it lead to. */
function endings(): Uint8Array {
  const may = new Uint8Array(STATES);
  for (let node = ROOT, depth = 0; depth <= 7; depth += 1) {
    may[node] = 1;
    node = CHILDREN[node * 2 + 1] as number;
  }
  return may;
}

/** Finds the steps that a string takes. */
function learn(bytes: Uint8Array, start: number, end: number): void {
  let state = ROOT;
  for (let at = start; at < end; at += 1) {
    const place = (state << 8) | (bytes[at] as number);
    if (STEPS[place] === UNKNOWN) findStep(place);
    state = (STEPS[place] as number) & 0xff;
  }
}

/** Finds the step from the state in the high octet of `place` by the octet in its low one. */
function findStep(place: number): void {
  let node = place >>> 8;
  let count = 0;
  let marks = 0;
  let symbols = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    const child = CHILDREN[node * 2 + ((place >>> bit) & 1)] as number;
    node = child < 0 ? ROOT : child;
    if (child >= 0) continue;
    const symbol = ~child;
    if (symbol === EOS) {
      STEPS[place] = FAILS;
      return;
    }
    symbols |= symbol << (8 * count);
    marks &= ~ENDS_BLANK;
    if (symbol === 0 || symbol === 10 || symbol === 13) marks |= FORBIDDEN;
    if (symbol === 9 || symbol === 32) marks |= ENDS_BLANK;
    count += 1;
  }
  STEPS[place] = marks | (count << COUNT_SHIFT) | (ENDINGS[node] === 1 ? MAY_END : 0) | node;
  SYMBOLS[place] = symbols;
}
