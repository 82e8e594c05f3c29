import { BlockCache, type DecodedList } from './block-cache.ts';
import { Cursor } from './cursor.ts';
import { DynamicTable } from './dynamic-table.ts';
import { Field } from './field.ts';
import type { FieldName } from './field-name.ts';
import { HUFFMAN_EOS, HUFFMAN_PADDING, measureHuffman } from './huffman.ts';
import { NamePool } from './name-pool.ts';
import { Slab } from './slab.ts';
import { STATIC_COUNT, STATIC_FIELDS } from './static-table.ts';
import { HUFFMAN_BIT, LENGTH_MAX_IN_PREFIX } from './string-literal.ts';

/** The size of a table that both sides begin with (RFC 9113 §6.5.2). */
export const INITIAL_TABLE_BYTES = 4096;

/** What a decoder lets through. */
export interface HpackDecoderLimits {
  /** All names and values of a block with 32 for each field: SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2). */
  readonly listBytesMax: number;
  /** Fields of one block. */
  readonly fieldsMax: number;
  /** The longest block that is remembered, so that it is not read again; up to 16 are. */
  readonly cachedBlockBytesMax: number;
}

/** What a decoder lets through where nobody says otherwise. */
export const DEFAULT_HPACK_DECODER_LIMITS: HpackDecoderLimits = { listBytesMax: 65_536, fieldsMax: 256, cachedBlockBytesMax: 64 };

/**
 * What a header block says. `too-long` concerns its stream alone: the table is right and the next block can be read. After `compression-error`
 * the tables of the two sides differ, and the connection ends with COMPRESSION_ERROR (RFC 9113 §4.3).
 */
export type HeaderBlock =
  | DecodedList
  /** `fields`: those below the limit. */
  | {
      readonly kind: 'too-long';
      readonly limit: 'listBytesMax' | 'fieldsMax';
      readonly fields: readonly Field[];
      readonly listBytes: number;
    }
  | { readonly kind: 'compression-error'; readonly reason: string };

/** Reads the header blocks of one direction of a connection, all of them and in order (RFC 7541 §2.2). */
export class HpackDecoder {
  readonly #limits: HpackDecoderLimits;
  readonly #cursor = new Cursor();
  readonly #table = new DynamicTable(INITIAL_TABLE_BYTES);
  readonly #names = new NamePool();
  readonly #cache: BlockCache;
  /** What goes into the table lies apart, so that what the table holds back is hardly more than what it counts. */
  readonly #kept = new Slab();
  readonly #passing = new Slab();
  #tableBytesMax = INITIAL_TABLE_BYTES;
  /** The smallest maximum since the last block, where the other side has to shrink its table before anything else. */
  #owedBytesMax: number | undefined;

  constructor(limits: Partial<HpackDecoderLimits> = {}) {
    this.#limits = { ...DEFAULT_HPACK_DECODER_LIMITS, ...limits };
    this.#cache = new BlockCache(this.#limits.cachedBlockBytesMax);
  }

  /** Octets that the table counts, at most what {@link setTableBytesMax} allows. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * The other side has acknowledged our SETTINGS_HEADER_TABLE_SIZE. Where that is less than the size it uses, its next block must begin with an
   * update (RFC 7541 §4.2).
   */
  setTableBytesMax(bytesMax: number): void {
    this.#tableBytesMax = bytesMax;
    if (bytesMax < (this.#owedBytesMax ?? this.#table.bytesMax)) this.#owedBytesMax = bytesMax;
  }

  /** Reads a whole block: HEADERS or PUSH_PROMISE and all its CONTINUATION. Never throws, and holds none of `bytes` afterwards. */
  decode(bytes: Uint8Array, start: number = 0, end: number = bytes.length): HeaderBlock {
    const cursor = this.#cursor;
    const mayBeCached = this.#owedBytesMax === undefined && cursor.fault === undefined;
    const cached = mayBeCached ? this.#cache.find(bytes, start, end) : undefined;
    if (cached !== undefined) return cached;
    cursor.open(bytes, start, end);
    this.#sizeUpdates();
    const block = this.#fields();
    cursor.close();
    if (cursor.fault !== undefined) return { kind: 'compression-error', reason: cursor.fault };
    if (block.kind === 'list') this.#cache.offer(bytes, start, end, block);
    return block;
  }

  #fields(): HeaderBlock {
    const cursor = this.#cursor;
    const { listBytesMax, fieldsMax } = this.#limits;
    const fields: Field[] = [];
    let listBytes = 0;
    let count = 0;
    while (cursor.at < cursor.end && cursor.fault === undefined) {
      const byte = cursor.bytes[cursor.at] as number;
      const field = byte > 0x80 && byte < 0xff ? this.#shortIndexed(byte & 0x7f) : this.#field(byte);
      if (field === undefined) break;
      listBytes += field.tableBytes;
      count += 1;
      if (count <= fieldsMax && listBytes <= listBytesMax) fields.push(field);
    }
    if (listBytes > listBytesMax) return { kind: 'too-long', limit: 'listBytesMax', fields, listBytes };
    if (count > fieldsMax) return { kind: 'too-long', limit: 'fieldsMax', fields, listBytes };
    return { kind: 'list', fields, listBytes, made: undefined };
  }

  /** Updates of the table's size, which come before all fields (RFC 7541 §4.2, §6.3). */
  #sizeUpdates(): void {
    const cursor = this.#cursor;
    while (cursor.fault === undefined && cursor.at < cursor.end && ((cursor.bytes[cursor.at] as number) & 0xe0) === 0x20) {
      const bytesMax = cursor.integer(0x1f);
      if (bytesMax < 0) return;
      if (bytesMax > (this.#owedBytesMax ?? this.#tableBytesMax)) {
        cursor.fail(`a table of ${bytesMax} bytes is above the maximum of ${this.#owedBytesMax ?? this.#tableBytesMax}`);
        return;
      }
      this.#owedBytesMax = undefined;
      this.#table.resize(bytesMax);
      this.#cache.clear();
    }
    if (this.#owedBytesMax !== undefined) cursor.fail(`the table was not shrunk to the maximum of ${this.#owedBytesMax} bytes`);
  }

  /** The next field; none with a fault. */
  #field(byte: number): Field | undefined {
    if (byte >= 0x80) return this.#indexed(this.#cursor.integer(0x7f));
    if (byte >= 0x40) return this.#literal(this.#cursor.integer(0x3f), true, false);
    if (byte < 0x20) return this.#literal(this.#cursor.integer(0x0f), false, byte >= 0x10);
    this.#cursor.fail('the size of the table is updated after a field');
    return undefined;
  }

  /** What most fields of most blocks are: an index in one octet. */
  #shortIndexed(index: number): Field | undefined {
    this.#cursor.at += 1;
    return this.#indexed(index);
  }

  /** The entry of an index, in the address space of both tables (RFC 7541 §2.3.3). */
  #indexed(index: number): Field | undefined {
    const found = index > STATIC_COUNT ? this.#table.entry(index - STATIC_COUNT - 1) : STATIC_FIELDS[index - 1];
    if (found === undefined) this.#cursor.fail(`no entry of the tables has index ${index}`);
    return found;
  }

  /** A field written out, with incremental indexing, without, or never indexed (RFC 7541 §6.2). */
  #literal(nameIndex: number, isIndexed: boolean, isNever: boolean): Field | undefined {
    const cursor = this.#cursor;
    if (nameIndex < 0) return undefined;
    const name = nameIndex === 0 ? this.#name() : this.#indexed(nameIndex)?.fieldName;
    if (name === undefined) return undefined;
    const start = cursor.at;
    const length = this.#length();
    if (length < 0) return undefined;
    const slab = isIndexed ? this.#kept : this.#passing;
    const at = slab.reserve(cursor.at + length - start);
    const { buffer } = slab;
    const measure = this.#octets(start, length, buffer, at);
    if (measure < 0) return undefined;
    const field = new Field(name, buffer, at, at + cursor.at - start, measure >>> 1, isNever, (measure & 1) === 0);
    if (isIndexed) this.#table.insert(field);
    if (isIndexed) this.#cache.clear();
    else if (field.sensitive) this.#cache.refuse();
    return field;
  }

  #name(): FieldName | undefined {
    const cursor = this.#cursor;
    const start = cursor.at;
    const length = this.#length();
    if (length < 0) return undefined;
    const known = this.#names.find(cursor.bytes, start, cursor.at + length);
    if (known !== undefined) {
      cursor.at += length;
      return known;
    }
    const literal = Buffer.allocUnsafeSlow(cursor.at + length - start);
    return this.#octets(start, length, literal, 0) < 0 ? undefined : this.#names.add(literal);
  }

  /** Reads the length of a string, which lies within the block (RFC 7541 §5.2). @returns -1 with a fault */
  #length(): number {
    const cursor = this.#cursor;
    const length = cursor.integer(LENGTH_MAX_IN_PREFIX);
    if (length > cursor.end - cursor.at) return cursor.fail(`a string of ${length} octets goes beyond the end of the block`);
    return length;
  }

  /**
   * Goes past the octets of a string that begins with its length at `start`, and copies all of it to `to` in `target`.
   *
   * @returns twice its length when decoded, one more where it is not a proper value; -1 with a fault
   */
  #octets(start: number, length: number, target: Uint8Array, to: number): number {
    const cursor = this.#cursor;
    const { bytes, at } = cursor;
    const end = at + length;
    cursor.at = end;
    let into = to;
    for (let from = start; from < at; from += 1, into += 1) target[into] = bytes[from] as number;
    const isHuffman = (bytes[start] as number) >= HUFFMAN_BIT;
    const measure = isHuffman ? measureHuffman(bytes, at, end, target, into) : measurePlain(bytes, at, end, target, into);
    if (measure === HUFFMAN_EOS) return cursor.fail('a string in Huffman code holds EOS');
    if (measure === HUFFMAN_PADDING) return cursor.fail('a string in Huffman code ends in anything but up to seven ones');
    return measure;
  }
}

/** The same as for Huffman code: twice the length of a string, one more where it is not a proper value (RFC 9113 §8.2.1), while it is copied. */
function measurePlain(bytes: Uint8Array, start: number, end: number, target: Uint8Array, to: number): number {
  let isProper = start === end || !(isBlank(bytes[start] as number) || isBlank(bytes[end - 1] as number));
  for (let at = start, into = to; at < end; at += 1, into += 1) {
    const octet = bytes[at] as number;
    target[into] = octet;
    if (octet <= 13 && (octet === 0 || octet === 10 || octet === 13)) isProper = false;
  }
  return (end - start) * 2 + (isProper ? 0 : 1);
}

const isBlank = (octet: number): boolean => octet === 0x20 || octet === 0x09;
