import { execFileSync } from 'node:child_process';

/**
 * A network namespace for one node, with two ways to the rest of the machine: one of the mesh (the other nodes, etcd) and one of the clients. Each way
 * is a bridge that a pair of virtual cables leads to; a way that is cut loses every packet without a word. Needs root on Linux.
 */
export class NetworkSpace implements Disposable {
  readonly name: string;
  readonly mesh: Way;
  readonly clients: Way;

  private constructor(tag: string) {
    const part = process.pid % 250;
    this.name = `mesh-${tag}`;
    this.mesh = new Way(`mm${tag}`, `10.231.${part}`);
    this.clients = new Way(`mc${tag}`, `10.232.${part}`);
  }

  /** Makes the namespace and both ways. @returns what refused it where this machine cannot do that */
  static make(): NetworkSpace | string {
    const space = new NetworkSpace(String(process.pid % 1_000_000));
    try {
      ip('netns', 'add', space.name);
      ip('-n', space.name, 'link', 'set', 'lo', 'up');
      for (const way of [space.mesh, space.clients]) way.lay(space.name);
      return space;
    } catch (error) {
      space[Symbol.dispose]();
      return error instanceof Error ? error.message.trim() : String(error);
    }
  }

  [Symbol.dispose](): void {
    for (const way of [this.mesh, this.clients]) way[Symbol.dispose]();
    quietly('netns', 'del', this.name);
  }
}

/** One way into a namespace. */
export class Way implements Disposable {
  /** The address of this side, which stays while the way is cut. */
  readonly here: string;
  /** The address inside the namespace. */
  readonly there: string;
  readonly #bridge: string;
  readonly #cable: string;

  constructor(tag: string, network: string) {
    this.#bridge = `${tag}b`;
    this.#cable = `${tag}v`;
    this.here = `${network}.1`;
    this.there = `${network}.2`;
  }

  /** Lays it into a namespace. */
  lay(space: string): void {
    const inner = `${this.#cable}i`;
    ip('link', 'add', this.#bridge, 'type', 'bridge');
    ip('addr', 'add', `${this.here}/24`, 'dev', this.#bridge);
    ip('link', 'set', this.#bridge, 'up');
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', inner, 'netns', space);
    ip('link', 'set', this.#cable, 'master', this.#bridge, 'up');
    ip('-n', space, 'addr', 'add', `${this.there}/24`, 'dev', inner);
    ip('-n', space, 'link', 'set', inner, 'up');
  }

  /** From now on no packet gets through, and nobody is told. */
  cut(): void {
    // Taken out of the bridge alone, it would still bring what comes from inside.
    ip('link', 'set', this.#cable, 'down');
  }

  /** It is whole again. */
  mend(): void {
    ip('link', 'set', this.#cable, 'up');
  }

  [Symbol.dispose](): void {
    for (const link of [this.#cable, this.#bridge]) quietly('link', 'del', link);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
}

function quietly(...args: readonly string[]): void {
  try {
    ip(...args);
  } catch {
    // It was not made, or went with the namespace.
  }
}
