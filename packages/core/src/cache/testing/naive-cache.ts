/** The oracle: weighted LRU in the plainest words, without a reserve, without states, without time. */
export class NaiveCache {
  readonly #capacity: number;
  #copies: { readonly name: string; readonly units: number; usedMs: number }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes the model in, evicting from the oldest; false if it is too large or would push out something younger. */
  insert(name: string, units: number, usedMs: number): boolean {
    const oldestFirst = [...this.#copies].sort((a, b) => a.usedMs - b.usedMs);
    const victims = new Set<string>();
    let free = this.#capacity - this.#copies.reduce((sum, copy) => sum + copy.units, 0);
    for (const copy of oldestFirst) {
      if (free >= units || copy.usedMs > usedMs) break;
      victims.add(copy.name);
      free += copy.units;
    }
    if (free < units) return false;
    this.#copies = [...this.#copies.filter((copy) => !victims.has(copy.name)), { name, units, usedMs }];
    return true;
  }

  touch(name: string, usedMs: number): boolean {
    const copy = this.#copies.find((candidate) => candidate.name === name);
    if (copy !== undefined) copy.usedMs = Math.max(copy.usedMs, usedMs);
    return copy !== undefined;
  }

  names(): string[] {
    return this.#copies.map((copy) => copy.name).sort();
  }
}
