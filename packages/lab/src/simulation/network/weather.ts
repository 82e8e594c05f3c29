import type { Chance, World } from '../engine/index.ts';

/** What is wrong between some hosts and others while it lasts. Both directions, where `oneWay` does not say otherwise. */
export interface LinkTrouble {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly oneWay: boolean;
  /** Nothing gets through; what was sent arrives when it is over, as TCP repeats it. */
  readonly cut: boolean;
  /** Each message is late by so much more. */
  readonly delayMs: number;
  /** Share of messages that are lost and sent again by TCP, {@link RETRANSMIT_MS} later. */
  readonly loss: number;
}

/** The least time after which TCP sends a lost segment again; source: Linux, `TCP_RTO_MIN`. */
export const RETRANSMIT_MS = 200;

/** Between two hosts of one cluster, in milliseconds: at least, and how much more at most. */
const CLUSTER_DELAY = { leastMs: 0.125, spreadMs: 0.75 };
/** Between processes of one host. */
const LOCAL_DELAY_MS = 1 / 32;

/** How the hosts can reach one another at the moment. */
export class Weather {
  readonly #world: World;
  readonly #troubles = new Set<LinkTrouble>();
  readonly #streams = new Map<string, Chance>();
  /** Told when trouble ended. */
  onBetter: () => void = () => {};

  constructor(world: World) {
    this.#world = world;
  }

  /** Trouble begins; it ends when the returned function is called. */
  begin(trouble: LinkTrouble): () => void {
    this.#troubles.add(trouble);
    return () => {
      if (this.#troubles.delete(trouble)) this.onBetter();
    };
  }

  /** Whether nothing gets from one host to the other. */
  isCut(from: string, to: string): boolean {
    if (this.#troubles.size === 0 || from === to) return false;
    for (const trouble of this.#troubles) if (trouble.cut && concerns(trouble, from, to)) return true;
    return false;
  }

  /** How long a message that is sent now takes. */
  delayMs(from: string, to: string): number {
    if (from === to) return LOCAL_DELAY_MS;
    const random = this.#streamOf(from, to);
    let delayMs = CLUSTER_DELAY.leastMs + CLUSTER_DELAY.spreadMs * random.unit();
    for (const trouble of this.#troubles) {
      if (!concerns(trouble, from, to)) continue;
      delayMs += trouble.delayMs * (0.5 + random.unit());
      if (trouble.loss > 0 && random.unit() < trouble.loss) delayMs += RETRANSMIT_MS;
    }
    return delayMs;
  }

  #streamOf(from: string, to: string): Chance {
    const name = `${from}>${to}`;
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = this.#world.random(`network ${name}`);
      this.#streams.set(name, stream);
    }
    return stream;
  }
}

function concerns({ from, to, oneWay }: LinkTrouble, a: string, b: string): boolean {
  return (from.includes(a) && to.includes(b)) || (!oneWay && from.includes(b) && to.includes(a));
}
