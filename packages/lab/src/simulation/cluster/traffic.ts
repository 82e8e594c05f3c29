import { Zipf } from '../../load/index.ts';
import type { Chance, World } from '../engine/index.ts';
import type { TrafficSpec } from '../scenario/index.ts';
import type { Calls } from './calls.ts';
import type { SimNode } from './sim-node.ts';

/** How much more popular the first model of a Zipf traffic is. */
const ZIPF_EXPONENT = 1.1;
/** Share of the calls of hot traffic that are for the first model. */
const HOT_SHARE = 0.9;
/** All calls of a burst come within this time. */
const BURST_MS = 20;
/** Share of calls that forbid their repetition. */
const NEVER_SHARE = 0.1;

/** Calls of one pattern; its chance is its own, so that other patterns can be left out without changing it. */
export class Traffic {
  readonly #world: World;
  readonly #calls: Calls;
  readonly #spec: TrafficSpec;
  readonly #nodes: readonly SimNode[];
  readonly #random: Chance;
  readonly #zipf: Zipf;
  #next = 0;

  constructor(world: World, calls: Calls, spec: TrafficSpec, nodes: ReadonlyMap<string, SimNode>) {
    this.#world = world;
    this.#calls = calls;
    this.#spec = spec;
    const entry = spec.entry === null ? undefined : nodes.get(spec.entry);
    this.#nodes = entry === undefined ? [...nodes.values()] : [entry];
    this.#random = world.random(`traffic ${spec.name}`);
    this.#zipf = new Zipf(Math.max(1, spec.models.length), ZIPF_EXPONENT);
  }

  begin(): void {
    const { kind, fromMs, rate, models } = this.#spec;
    if (models.length === 0 || this.#nodes.length === 0) return;
    if (kind !== 'burst') {
      this.#later(fromMs + this.#gapMs());
      return;
    }
    for (let call = 0; call < rate; call++)
      this.#world.at(this.#calls.actor, fromMs + BURST_MS * this.#random.unit(), this.#name, () => this.#call());
  }

  #later(atMs: number): void {
    if (atMs >= this.#spec.untilMs) return;
    this.#world.at(this.#calls.actor, atMs, this.#name, () => {
      this.#call();
      this.#later(atMs + this.#gapMs());
    });
  }

  #call(): void {
    const random = this.#random;
    const model = this.#model();
    const node = this.#nodes[random.below(this.#nodes.length)];
    const retry = random.unit() < NEVER_SHARE ? 'never' : 'safe';
    if (model === undefined || node === undefined) return;
    this.#calls.call({ traffic: this.#spec.name, model, node, deadlineMs: this.#spec.deadlineMs, retry });
  }

  #model(): string | undefined {
    const { kind, models } = this.#spec;
    const random = this.#random;
    switch (kind) {
      case 'zipf':
        return models[this.#zipf.rankOf(random.unit())];
      case 'uniform':
        return models[random.below(models.length)];
      case 'scan':
        return models[this.#next++ % models.length];
      case 'hot':
        return models[random.unit() < HOT_SHARE ? 0 : random.below(models.length)];
      case 'burst':
        return models[0];
    }
  }

  get #name(): string {
    return `call of ${this.#spec.name}`;
  }

  #gapMs(): number {
    return (-Math.log(1 - this.#random.unit()) * 1000) / this.#spec.rate;
  }
}
