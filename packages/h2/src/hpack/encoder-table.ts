import { DynamicTable } from './dynamic-table.ts';
import { ENTRY_OVERHEAD_BYTES, type Field } from './field.ts';
import type { FieldName } from './field-name.ts';

/** Slots of the index for each entry that the table can have. */
const SLOTS_PER_ENTRY = 4;
/** Slots in a row that a hash may lie in. Where all hold others the oldest is found no more, which costs octets and nothing else. */
const REACH = 8;
const NONE = -1;

/**
 * The table of an encoder, with a way from a field to its entry. The index holds places of the table and compares what is there, so that what is
 * evicted needs no removal, and the index never grows.
 */
export class EncoderTable {
  readonly #table: DynamicTable;
  readonly #byField: Int16Array;
  readonly #byName: Int16Array;
  readonly #mask: number;

  /** @param bytesMax the most that the table ever has, of which it has `bytes` at first */
  constructor(bytesMax: number, bytes: number) {
    this.#table = new DynamicTable(bytesMax);
    this.#table.resize(bytes);
    this.#byField = new Int16Array(slotsFor(bytesMax));
    this.#byName = new Int16Array(this.#byField.length);
    this.#mask = this.#byField.length - 1;
  }

  get bytesMax(): number {
    return this.#table.bytesMax;
  }

  resize(bytesMax: number): void {
    this.#table.resize(bytesMax);
  }

  /** How far behind the newest entry the field's lies, 0 for the newest; -1 without one. */
  distanceOf(field: Field): number {
    const { lastEntry, lastPlace } = field;
    if (lastEntry !== undefined && this.#table.entryAt(lastPlace) === lastEntry) return this.#table.distanceOfPlace(lastPlace);
    return this.#find(field);
  }

  #find(field: Field): number {
    const slots = this.#byField;
    const table = this.#table;
    for (let probe = field.hash, last = probe + REACH; probe < last; probe += 1) {
      const place = slots[probe & this.#mask] as number;
      const entry = table.entryAt(place);
      if (entry === undefined || !entry.equals(field)) continue;
      field.foundAt(place, entry);
      return table.distanceOfPlace(place);
    }
    return NONE;
  }

  /** The same for an entry that has the name, as a rule the newest. */
  distanceOfName(name: FieldName): number {
    const slots = this.#byName;
    const table = this.#table;
    for (let probe = name.hash, last = probe + REACH; probe < last; probe += 1) {
      const place = slots[probe & this.#mask] as number;
      if (table.entryAt(place)?.fieldName.equals(name) === true) return table.distanceOfPlace(place);
    }
    return NONE;
  }

  /** Puts in a field that fits. */
  insert(field: Field): void {
    const place = this.#table.nextPlace;
    this.#table.insert(field);
    this.#byField[this.#slotOf(field)] = place;
    this.#byName[this.#slotOfName(field.fieldName)] = place;
  }

  /** A slot for a field that is in the table: one whose place holds a field of another hash or none, else the one whose place is oldest. */
  #slotOf(field: Field): number {
    let oldest = field.hash & this.#mask;
    let distance = NONE;
    for (let probe = field.hash, last = probe + REACH; probe < last; probe += 1) {
      const slot = probe & this.#mask;
      const place = this.#byField[slot] as number;
      const held = this.#table.entryAt(place);
      if (held === undefined || ((slot - held.hash) & this.#mask) >= REACH) return slot;
      if (this.#table.distanceOfPlace(place) <= distance) continue;
      oldest = slot;
      distance = this.#table.distanceOfPlace(place);
    }
    return oldest;
  }

  /** The slot that holds the name already, else one as for a field. */
  #slotOfName(name: FieldName): number {
    let oldest = name.hash & this.#mask;
    let distance = NONE;
    for (let probe = name.hash, last = probe + REACH; probe < last; probe += 1) {
      const slot = probe & this.#mask;
      const place = this.#byName[slot] as number;
      const held = this.#table.entryAt(place)?.fieldName;
      if (held === undefined || held.equals(name) || ((slot - held.hash) & this.#mask) >= REACH) return slot;
      if (this.#table.distanceOfPlace(place) <= distance) continue;
      oldest = slot;
      distance = this.#table.distanceOfPlace(place);
    }
    return oldest;
  }
}

/** A power of two. */
function slotsFor(bytesMax: number): number {
  let slots = 1;
  while (slots < (bytesMax / ENTRY_OVERHEAD_BYTES) * SLOTS_PER_ENTRY) slots *= 2;
  return slots;
}
