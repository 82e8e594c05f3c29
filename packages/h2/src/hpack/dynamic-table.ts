import { ENTRY_OVERHEAD_BYTES, type Field } from './field.ts';

/** The dynamic table (RFC 7541 §2.3.2, §4) as a ring, for either side. The newest entry has distance 0. */
export class DynamicTable {
  #ring: (Field | undefined)[];
  #mask: number;
  #bytesMax: number;
  #bytes = 0;
  /** Where the next entry comes, and how many lie behind that place. */
  #head = 0;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#ring = new Array(placesFor(bytesMax)).fill(undefined);
    this.#mask = this.#ring.length - 1;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The entry of a distance, where there is one. */
  entry(distance: number): Field | undefined {
    return distance < this.#count ? this.#ring[(this.#head - 1 - distance) & this.#mask] : undefined;
  }

  /** The place where the next entry comes. An entry stays where it is until it is evicted or the table grows over its first size. */
  get nextPlace(): number {
    return this.#head;
  }

  /** The entry at a place of the ring, where there is one: not always the one that was there before. */
  entryAt(place: number): Field | undefined {
    return this.#ring[place];
  }

  distanceOfPlace(place: number): number {
    return (this.#head - 1 - place) & this.#mask;
  }

  /**
   * Puts a field in, after those are gone for which there is no room: all of them, and itself, where it is larger than the table
   * (RFC 7541 §4.4).
   */
  insert(field: Field): void {
    this.#evictTo(this.#bytesMax - field.tableBytes);
    if (field.tableBytes > this.#bytesMax) return;
    this.#ring[this.#head] = field;
    this.#head = (this.#head + 1) & this.#mask;
    this.#count += 1;
    this.#bytes += field.tableBytes;
  }

  /** Changes the size, as an update in a block says (RFC 7541 §4.3). */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
    if (placesFor(bytesMax) > this.#ring.length) this.#grow(placesFor(bytesMax));
  }

  #evictTo(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const oldest = (this.#head - this.#count) & this.#mask;
      this.#bytes -= this.#ring[oldest]?.tableBytes ?? 0;
      this.#ring[oldest] = undefined;
      this.#count -= 1;
    }
  }

  #grow(places: number): void {
    const ring: (Field | undefined)[] = new Array(places).fill(undefined);
    for (let index = 0; index < this.#count; index += 1) ring[index] = this.entry(this.#count - 1 - index);
    this.#ring = ring;
    this.#mask = places - 1;
    this.#head = this.#count;
  }
}

/** A power of two that no table of that size fills: an entry counts 32 at least, and one place stays free. */
function placesFor(bytesMax: number): number {
  let places = 8;
  while (places <= bytesMax / ENTRY_OVERHEAD_BYTES) places *= 2;
  return places;
}
