import { type Field, field, type SentList, type WrittenList } from '../hpack/index.ts';

/** What lists count for a field besides its octets (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

/** What a block says as the head or the end of a message; read once per block, however often the block comes. */
export interface MessageFacts {
  /** Why the message is malformed (RFC 9113 §8.1.1), if it is. */
  readonly fault: string | undefined;
  /** Octets that `content-length` announces; −1 without one. */
  readonly contentLength: number;
  /** The status of a response; 0 otherwise. */
  readonly status: number;
  /** `expect: 100-continue` (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
}

/**
 * How a block is made of another one: `front`, then its fields whose name `drops` does not accept, then `back`. Made once and used for many
 * blocks; `front` and `back` are flat lists name, value, name, value ….
 */
export interface FieldRecipe {
  readonly front: readonly string[];
  readonly drops: (name: string) => boolean;
  readonly back: readonly string[];
  /** What {@link FieldBlock.derive} needs of it, kept where it is needed. */
  prepared: unknown;
}

/** The fields that a recipe adds. */
class PreparedRecipe {
  readonly front: readonly Field[];
  readonly back: readonly Field[];

  constructor({ front, back }: FieldRecipe) {
    this.front = fieldsOf(front);
    this.back = fieldsOf(back);
  }
}

function fieldsOf(flat: readonly string[]): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < flat.length; at += 2) fields.push(field(flat[at] ?? '', flat[at + 1] ?? ''));
  return fields;
}

/** An ordered block of header fields, shared by all messages that carry the same block. Immutable. */
export class FieldBlock implements SentList {
  readonly fields: readonly Field[];
  written: WrittenList | undefined = undefined;
  /** Free for whoever reads the block, for what was found in it: a block that comes again is the same object as a rule. */
  note: unknown = undefined;
  /** The block as the head of a request, a response, or as trailers: what {@link readFacts} found. */
  requestFacts: MessageFacts | undefined = undefined;
  responseFacts: MessageFacts | undefined = undefined;
  trailerFacts: MessageFacts | undefined = undefined;
  #raw: readonly string[] | undefined = undefined;
  #listBytes = -1;
  #malformedName: string | undefined = undefined;
  /** The last block that was made of this one, and how. */
  #derived: FieldBlock | undefined = undefined;
  #recipe: FieldRecipe | undefined = undefined;

  /** @param fields belong to the block from now on */
  constructor(fields: readonly Field[]) {
    this.fields = fields;
  }

  /** The block of a flat list name, value, name, value …; names are lower case, pseudo-header fields first. */
  static of(raw: readonly string[]): FieldBlock {
    return new FieldBlock(fieldsOf(raw));
  }

  /** Octets of the list as RFC 9113 §6.5.2 counts them: names, values, and 32 for each field. */
  get listBytes(): number {
    if (this.#listBytes < 0) this.#measure();
    return this.#listBytes;
  }

  /** Octets of names and values alone: what is read here and sent on with a few fields of our own is never longer than it was allowed to be. */
  get textBytes(): number {
    return this.listBytes - FIELD_OVERHEAD_BYTES * this.fields.length;
  }

  /** The name of the first field that must not be sent (RFC 9113 §8.2.1). */
  get malformedName(): string | undefined {
    if (this.#listBytes < 0) this.#measure();
    return this.#malformedName;
  }

  /** The first value of `name`. */
  get(name: string): string | undefined {
    const { fields } = this;
    for (let at = 0; at < fields.length; at += 1) {
      const one = fields[at];
      if (one !== undefined && one.name === name) return one.value;
    }
    return undefined;
  }

  /** All values of `name`, in order. */
  getAll(name: string): readonly string[] {
    const values: string[] = [];
    for (const one of this.fields) if (one.name === name) values.push(one.value);
    return values;
  }

  /** All values of `name` as one, joined by `, ` (RFC 9110 §5.3). */
  joined(name: string): string | undefined {
    const { fields } = this;
    let joined: string | undefined;
    for (let at = 0; at < fields.length; at += 1) {
      const one = fields[at];
      if (one === undefined || one.name !== name) continue;
      joined = joined === undefined ? one.value : `${joined}, ${one.value}`;
    }
    return joined;
  }

  /** Flat list name, value, name, value … in the order of the wire. */
  raw(): readonly string[] {
    this.#raw ??= this.fields.flatMap(({ name, value }) => [name, value]);
    return this.#raw;
  }

  /** A block with `name` set to the one `value`: in front if it is a pseudo-header field, else at the end (RFC 9113 §8.3). */
  with(name: string, value: string): FieldBlock {
    const kept = this.fields.filter((one) => one.name !== name);
    const set = field(name, value);
    return new FieldBlock(name.startsWith(':') ? [set, ...kept] : [...kept, set]);
  }

  /** A block without the fields whose name `drops` accepts. */
  without(drops: (name: string) => boolean): FieldBlock {
    return new FieldBlock(this.fields.filter((one) => !drops(one.name)));
  }

  /** The block that `recipe` makes of this one; the same object where it is asked for again. No field is read for it. */
  derive(recipe: FieldRecipe): FieldBlock {
    if (this.#derived !== undefined && this.#recipe === recipe) return this.#derived;
    if (!(recipe.prepared instanceof PreparedRecipe)) recipe.prepared = new PreparedRecipe(recipe);
    const { front, back } = recipe.prepared as PreparedRecipe;
    const made = front.slice();
    for (const one of this.fields) if (!recipe.drops(one.name)) made.push(one);
    for (const one of back) made.push(one);
    const isSame = made.length === this.fields.length && front.length === 0 && back.length === 0;
    this.#derived = isSame ? this : new FieldBlock(made);
    this.#recipe = recipe;
    return this.#derived;
  }

  #measure(): void {
    let bytes = 0;
    for (const one of this.fields) {
      bytes += one.tableBytes;
      if (one.malformed !== undefined) this.#malformedName ??= one.name;
    }
    this.#listBytes = bytes;
  }
}
