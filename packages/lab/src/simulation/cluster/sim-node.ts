import { RuntimeMoods } from '../runtime/index.ts';
import type { NodeSpec } from '../scenario/index.ts';
import { NodeLife, type Surroundings } from './node-life.ts';

/** After this time a node that could not start is started again, as an orchestrator does. */
const START_AGAIN_MS = 3000;

/** The timer wheel stops by itself, a tick after its last deadline. */
const WHEEL_MS = 25;

/** A place in the cluster where one node lives at a time, one life after the other. */
export class SimNode {
  readonly spec: NodeSpec;
  readonly moods = new RuntimeMoods();
  /** The life that is, or was last; `undefined` before the first. */
  life: NodeLife | undefined;
  readonly #around: Surroundings;
  readonly #onOver: (life: NodeLife, gracefully: boolean) => void;
  #lives = 0;
  #ids = 1;
  /** Frozen by how many faults. */
  #frozen = 0;

  /** @param onOver told of every end of a life */
  constructor(around: Surroundings, spec: NodeSpec, onOver: (life: NodeLife, gracefully: boolean) => void) {
    this.#around = around;
    this.spec = spec;
    this.#onOver = onOver;
  }

  /** The life that serves, or `undefined`. */
  get serving(): NodeLife | undefined {
    return this.life?.phase === 'serving' ? this.life : undefined;
  }

  get isFrozen(): boolean {
    return this.#frozen > 0;
  }

  /** A new life begins; `anew`: under another id, on the same address. */
  start(anew: boolean): void {
    if (this.life !== undefined && this.life.phase !== 'over') return;
    if (this.life !== undefined) this.#around.network.processReplaced(this.life.actor);
    this.#lives += 1;
    if (anew) this.#ids += 1;
    const id = this.#ids === 1 ? this.spec.id : `${this.spec.id}-${this.#ids}`;
    const life = new NodeLife(this.#around, this.spec, this.#lives, id, this.moods);
    this.life = life;
    if (this.isFrozen) this.#around.world.freeze(life.actor);
    life.start().catch(() => {
      // The program says why and ends.
      life.kill(false);
      this.#onOver(life, false);
      this.#around.world.in(this.#around.registry.actor, START_AGAIN_MS, `${id} starts again`, () => this.start(false));
    });
  }

  /** As SIGKILL, or as a machine that vanishes. */
  kill(silent: boolean): void {
    const life = this.life;
    if (life === undefined || life.phase === 'over') return;
    life.kill(silent);
    this.#onOver(life, false);
  }

  /** As SIGTERM; `after` is called when the process has ended. */
  stop(after: () => void): void {
    const life = this.serving;
    if (life === undefined) return;
    const over = (): void => {
      this.#onOver(life, true);
      life.kill(false);
      after();
    };
    const closed = (): void => void this.#around.world.in(life.actor, WHEEL_MS, 'process ends', over);
    life.close().then(closed, (error: unknown) => {
      this.#around.world.violate('a node that leaves ends', `${life.actor.name}: ${error}`);
    });
  }

  /** As SIGSTOP, until as many faults ended as began. */
  freeze(): void {
    this.#frozen += 1;
    if (this.life !== undefined) this.#around.world.freeze(this.life.actor);
  }

  thaw(): void {
    this.#frozen -= 1;
    if (!this.isFrozen && this.life !== undefined) this.#around.world.thaw(this.life.actor);
  }
}
