import type { ByteWriter } from '../bytes/index.ts';
import { EncoderTable } from './encoder-table.ts';
import type { Field } from './field.ts';
import { RecentlySeen } from './recently-seen.ts';
import { STATIC_COUNT } from './static-table.ts';

const INDEXED = { pattern: 0x80, prefixMax: 0x7f } as const;
const PUT_IN = { pattern: 0x40, prefixMax: 0x3f } as const;
const PLAIN = { pattern: 0x00, prefixMax: 0x0f } as const;
const NEVER = { pattern: 0x10, prefixMax: 0x0f } as const;
const SIZE_UPDATE = { pattern: 0x20, prefixMax: 0x1f } as const;

/** How a kind of representation begins: the bits that name it, and the largest value of the rest of the octet (RFC 7541 §6). */
interface Representation {
  readonly pattern: number;
  readonly prefixMax: number;
}

/** The size of the table that the other side expects at first (RFC 9113 §6.5.2), and the largest that we use. */
const TABLE_BYTES = 4096;
/** What the places of the encoder's index can name, and far more than pays. */
const TABLE_BYTES_CEILING = 65_536;
/** A field that takes a larger part of the table is not worth what it pushes out. */
const TABLE_PART_MAX = 1 / 4;

/** How an encoder wrote a list whose fields all stood in the tables: right for as long as its table stays as it was. */
export interface WrittenList {
  readonly encoder: HpackEncoder;
  readonly version: number;
  readonly octets: Uint8Array | undefined;
}

/** A list that may be sent again, and how it was written the last time. */
export interface SentList {
  readonly fields: readonly Field[];
  written: WrittenList | undefined;
}

/**
 * Writes the header blocks of one direction of a connection.
 *
 * Names that hardly change come into the table at once, other fields once their value has come before, so that values that are new
 * each time push nothing out. Secrets are never indexed. Octets of a field leave as they came, in Huffman code or not.
 */
export class HpackEncoder {
  readonly #tableBytesMax: number;
  readonly #table: EncoderTable;
  readonly #seen = new RecentlySeen();
  #wantedBytes: number;
  /** The smallest size wanted since the last block. */
  #lowestBytes: number;
  /** Grows with each change of the table. */
  #version = 0;
  /** Whether the block that is being written consists of indices alone so far. */
  #isIndexed = true;

  /** @param tableBytesMax the largest table that we use, whatever the other side allows; never more than 64 KiB */
  constructor(tableBytesMax: number = TABLE_BYTES) {
    this.#tableBytesMax = Math.min(tableBytesMax, TABLE_BYTES_CEILING);
    this.#table = new EncoderTable(Math.max(this.#tableBytesMax, TABLE_BYTES), TABLE_BYTES);
    this.#wantedBytes = Math.min(this.#tableBytesMax, TABLE_BYTES);
    this.#lowestBytes = this.#wantedBytes;
  }

  /** The other side's SETTINGS_HEADER_TABLE_SIZE. The next block says what we use of it (RFC 7541 §4.2). */
  setPeerTableBytesMax(bytesMax: number): void {
    this.#wantedBytes = Math.min(this.#tableBytesMax, bytesMax);
    this.#lowestBytes = Math.min(this.#lowestBytes, this.#wantedBytes);
  }

  /** As {@link encode}, for a list that may come again: once it has, and all of it stands in the tables, its octets are written as they were. */
  write(list: SentList, target: ByteWriter): void {
    const { written } = list;
    const isKnown = written !== undefined && written.encoder === this && written.version === this.#version;
    if (
      isKnown &&
      written.octets !== undefined &&
      this.#wantedBytes === this.#table.bytesMax &&
      this.#lowestBytes === this.#wantedBytes
    ) {
      target.raw(written.octets);
      return;
    }
    const start = target.length;
    this.encode(list.fields, target);
    if (!this.#isIndexed) return;
    // The first time nothing says that it comes again.
    const octets = isKnown ? target.copyFrom(start) : undefined;
    list.written = { encoder: this, version: this.#version, octets };
  }

  /** Writes a block. What is written must be sent, in this order: the other side's table depends on it. */
  encode(fields: readonly Field[], target: ByteWriter): void {
    if (this.#lowestBytes < this.#table.bytesMax) this.#resize(this.#lowestBytes, target);
    if (this.#wantedBytes !== this.#table.bytesMax) this.#resize(this.#wantedBytes, target);
    this.#lowestBytes = this.#wantedBytes;
    this.#isIndexed = true;
    for (const field of fields) this.#field(field, target);
  }

  #resize(bytes: number, target: ByteWriter): void {
    this.#table.resize(bytes);
    this.#version += 1;
    begin(SIZE_UPDATE, bytes, target);
  }

  #field(field: Field, target: ByteWriter): void {
    if (field.sensitive) {
      this.#literal(NEVER, this.#nameIndex(field), field, target);
      return;
    }
    const { staticIndex } = field;
    if (staticIndex > 0) {
      begin(INDEXED, staticIndex, target);
      return;
    }
    const distance = field.fieldName.indexing === 'name' ? -1 : this.#table.distanceOf(field);
    if (distance >= 0) {
      begin(INDEXED, STATIC_COUNT + 1 + distance, target);
      return;
    }
    const nameIndex = this.#nameIndex(field);
    const isPutIn = this.#isWorthAnEntry(field, nameIndex);
    this.#literal(isPutIn ? PUT_IN : PLAIN, nameIndex, field, target);
    if (!isPutIn) return;
    this.#table.insert(field);
    this.#version += 1;
  }

  #literal(kind: Representation, nameIndex: number, field: Field, target: ByteWriter): void {
    this.#isIndexed = false;
    begin(kind, nameIndex, target);
    if (nameIndex === 0) target.raw(field.fieldName.literal);
    target.raw(field.octets, field.start, field.end);
  }

  /** An entry of either table with the field's name, 0 where the name is written out. */
  #nameIndex({ fieldName }: Field): number {
    if (fieldName.staticIndex > 0) return fieldName.staticIndex;
    const distance = this.#table.distanceOfName(fieldName);
    return distance < 0 ? 0 : STATIC_COUNT + 1 + distance;
  }

  #isWorthAnEntry(field: Field, nameIndex: number): boolean {
    const { fieldName } = field;
    if (fieldName.indexing === 'name' && nameIndex > 0) return false;
    if (field.tableBytes > this.#table.bytesMax * TABLE_PART_MAX) return false;
    if (fieldName.indexing === 'value-at-once') return true;
    if (fieldName.indexing === 'value' && this.#seen.meet(field.hash)) return true;
    // One field of a name that comes again, so that the name needs not be written out.
    return nameIndex === 0 && this.#seen.meet(fieldName.hash);
  }
}

/** Writes how a representation begins, with an index or a size. */
function begin(kind: Representation, value: number, target: ByteWriter): void {
  if (value < kind.prefixMax) target.u8(kind.pattern | value);
  else continued(kind, value, target);
}

function continued(kind: Representation, value: number, target: ByteWriter): void {
  target.u8(kind.pattern | kind.prefixMax);
  let rest = value - kind.prefixMax;
  for (; rest >= 128; rest >>>= 7) target.u8(0x80 | (rest & 0x7f));
  target.u8(rest);
}
