import { NO_ENTRIES, type OpaqueFields } from '@modelmesh/core/records';
import { isRawNumber, losslessParse, malformedRecord } from './json.ts';

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

/**
 * Takes known properties out of a JSON object one by one; what nobody took is {@link ObjectReader.rest}, to be written back. The rest of a
 * known nested object stands in it as a map under the object's name, which tells it apart from an unknown property.
 */
export class ObjectReader {
  readonly #where: string;
  readonly #object: JsonObject;
  /** Known properties that are there. They are few, so that looking through them costs less than a set. */
  readonly #taken: string[] = [];
  readonly #nested: { readonly name: string; readonly reader: ObjectReader }[] = [];

  /** `where` names the object in errors. */
  constructor(where: string, object: JsonObject) {
    this.#where = where;
    this.#object = object;
  }

  /** Reads a whole record. @throws {MeshError} `internal` unless it is a JSON object. */
  static parse(where: string, text: string): ObjectReader {
    let value: unknown;
    try {
      value = losslessParse(text);
    } catch (error) {
      throw malformedRecord(where, 'it is not JSON', error);
    }
    if (!isObject(value)) throw malformedRecord(where, 'it is not a JSON object');
    return new ObjectReader(where, value);
  }

  /** A string, if it is there. */
  string(name: string): string | undefined {
    const value = this.#take(name);
    if (value !== undefined && typeof value !== 'string') throw this.refusal(name, 'a string');
    return value;
  }

  /** A boolean, false if absent. */
  boolean(name: string): boolean {
    const value = this.#take(name);
    if (value !== undefined && typeof value !== 'boolean') throw this.refusal(name, 'true or false');
    return value ?? false;
  }

  /** A whole number, if it is there; above 2^53 to the precision of a JavaScript number. */
  integer(name: string): number | undefined {
    const value = this.#take(name);
    const number = isRawNumber(value) ? Number(value.rawJSON) : value;
    if (number !== undefined && !Number.isInteger(number)) throw this.refusal(name, 'a whole number');
    return number as number | undefined;
  }

  /** A number that is not negative, if it is there. */
  weight(name: string): number | undefined {
    const value = this.#take(name);
    const number = isRawNumber(value) ? Number(value.rawJSON) : value;
    if (number !== undefined && !(typeof number === 'number' && number >= 0 && number < Number.POSITIVE_INFINITY)) {
      throw this.refusal(name, 'a number that is not negative');
    }
    return number;
  }

  /** A whole number below 2^53 that is not negative, if it is there. */
  natural(name: string): number | undefined {
    const value = this.integer(name);
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw this.refusal(name, 'a whole number that is not negative');
    return value;
  }

  /** A list of strings, empty if absent. */
  strings(name: string): readonly string[] {
    const value = this.#take(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw this.refusal(name, 'a list of strings');
    return value;
  }

  /** A list of whole numbers that are not negative, empty if absent. */
  naturals(name: string): readonly number[] {
    const value = this.#take(name) ?? [];
    const isNatural = (item: unknown): item is number => Number.isSafeInteger(item) && Number(item) >= 0;
    if (!Array.isArray(value) || !value.every(isNatural)) throw this.refusal(name, 'a list of whole numbers');
    return value;
  }

  /** One of a few words, if it is there. */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.string(name);
    const word = words.find((candidate) => candidate === text);
    if (text !== undefined && word === undefined) throw this.refusal(name, `one of ${words.join(', ')}`);
    return word;
  }

  /** An object that is data through and through: its numbers are JavaScript's, and nothing in it counts as unknown. */
  data(name: string): Readonly<Record<string, unknown>> {
    const value = this.#take(name);
    if (value === undefined) return {};
    if (!isObject(value)) throw this.refusal(name, 'an object');
    return plainObject(value);
  }

  /** A nested object; an empty one if absent. */
  object(name: string): ObjectReader {
    return this.optionalObject(name) ?? ABSENT;
  }

  /** A nested object if it is there. */
  optionalObject(name: string): ObjectReader | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : this.#child(name, value);
  }

  /** A list of objects, empty if absent. */
  objects(name: string): readonly ObjectReader[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.refusal(name, 'a list');
    const reader = new ObjectReader(`${this.#where}.${name}`, Object.fromEntries(value.entries()));
    this.#nested.push({ name, reader });
    return value.map((_, index) => reader.object(String(index)));
  }

  /** The names of all properties. */
  names(): readonly string[] {
    return Object.keys(this.#object);
  }

  /** Properties that nobody took, nested ones included. */
  rest(): OpaqueFields {
    let rest: Map<string, unknown> | undefined;
    for (const name of Object.keys(this.#object)) {
      if (this.#taken.includes(name)) continue;
      rest ??= new Map();
      rest.set(name, this.#object[name]);
    }
    for (const { name, reader } of this.#nested) {
      const fields = reader.rest();
      if (fields.size === 0) continue;
      rest ??= new Map();
      rest.set(name, fields);
    }
    return rest ?? NO_ENTRIES;
  }

  /** The refusal of a property. */
  refusal(name: string, expected: string): Error {
    return malformedRecord(`${this.#where}.${name}`, `it must be ${expected}`);
  }

  /** A null stands for a property that is absent. */
  #take(name: string): unknown {
    if (!Object.hasOwn(this.#object, name)) return undefined;
    if (!this.#taken.includes(name)) this.#taken.push(name);
    return this.#object[name] ?? undefined;
  }

  #child(name: string, value: unknown): ObjectReader {
    if (!isObject(value)) throw this.refusal(name, 'an object');
    const reader = new ObjectReader(`${this.#where}.${name}`, value);
    this.#nested.push({ name, reader });
    return reader;
  }
}

const plainObject = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, plainValue(value)]));

function plainValue(value: unknown): unknown {
  if (isRawNumber(value)) return Number(value.rawJSON);
  if (Array.isArray(value)) return value.map(plainValue);
  return isObject(value) ? plainObject(value) : value;
}

/** Stands for every nested object that is not there; nothing of it can be taken. */
const ABSENT = new ObjectReader('an absent object', {});
