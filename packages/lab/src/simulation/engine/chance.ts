import type { Random } from '@modelmesh/core';
import { mix, spread } from './trace.ts';

/**
 * A stream of chance of its own for each (seed, name), by splitmix32: who draws from one leaves the others as they are, so that an actor or a
 * fault can be left out without changing the luck of the rest.
 */
export class Chance implements Random {
  #state: number;

  constructor(seed: number, name: string) {
    this.#state = mix(seed >>> 0, spread(name));
  }

  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  unit(): number {
    return this.#step() / 2 ** 32;
  }

  #step(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}
