import type { HeaderBlock, HeaderRecipe } from './port.ts';

/** A block over a flat list of names and values. The list is never changed after it was given. */
class FlatHeaderBlock implements HeaderBlock {
  note: unknown = undefined;
  /** What an engine made of the block to send it. */
  prepared: unknown = undefined;
  readonly #fields: readonly string[];

  constructor(fields: readonly string[]) {
    this.#fields = fields;
  }

  get(name: string): string | undefined {
    const fields = this.#fields;
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
    return undefined;
  }

  getAll(name: string): readonly string[] {
    const fields = this.#fields;
    const values: string[] = [];
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) values.push(fields[at + 1] ?? '');
    return values;
  }

  joined(name: string): string | undefined {
    const fields = this.#fields;
    let joined: string | undefined;
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at] !== name) continue;
      const value = fields[at + 1] ?? '';
      joined = joined === undefined ? value : `${joined}, ${value}`;
    }
    return joined;
  }

  raw(): readonly string[] {
    return this.#fields;
  }

  with(name: string, value: string): HeaderBlock {
    const kept = withoutFields(this.#fields, (field) => field === name);
    // Pseudo-header fields stand before all others (RFC 9113 §8.3).
    return new FlatHeaderBlock(name.startsWith(':') ? [name, value, ...kept] : [...kept, name, value]);
  }

  without(drops: (name: string) => boolean): HeaderBlock {
    return new FlatHeaderBlock(withoutFields(this.#fields, drops));
  }

  derive({ front, drops, back }: HeaderRecipe): HeaderBlock {
    return new FlatHeaderBlock([...front, ...withoutFields(this.#fields, drops), ...back]);
  }
}

function withoutFields(fields: readonly string[], drops: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!drops(name)) kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}

/** A block of the flat list name, value, name, value …, which the block owns from now on: lower-case names, pseudo-header fields first. */
export function headerBlock(fields: readonly string[]): HeaderBlock {
  return new FlatHeaderBlock(fields);
}

/** A recipe for blocks; see {@link HeaderRecipe}. Whatever is left out adds or drops nothing. */
export function headerRecipe(parts: Partial<Omit<HeaderRecipe, 'prepared'>>): HeaderRecipe {
  const { front = [], drops = () => false, back = [] } = parts;
  return { front, drops, back, prepared: undefined };
}

/** The bytes of a header list as RFC 9113 §6.5.2 counts them: names, values and 32 for each field. */
export function headerListBytes(block: HeaderBlock): number {
  const fields = block.raw();
  let total = 0;
  for (const text of fields) total += text.length;
  return total + 16 * fields.length;
}
